"""Run the thalamus: `python -m thalamus`."""

from shared.v1.runtime import main
from thalamus.service import Thalamus

if __name__ == "__main__":
    main(Thalamus())
