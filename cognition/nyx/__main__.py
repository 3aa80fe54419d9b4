"""Run Young Nyx: `python -m cognition.nyx`."""

from cognition.nyx.service import Nyx
from shared.v1.runtime import main

if __name__ == "__main__":
    main(Nyx())
