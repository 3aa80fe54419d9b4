"""Run Function Gemma: `python -m cognition.function_gemma`."""

from cognition.function_gemma.service import Gemma
from shared.v1.runtime import main

if __name__ == "__main__":
    main(Gemma())
