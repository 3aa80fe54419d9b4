"""Run the thalamus: `python -m thalamus`."""

import gc

from shared.v1.runtime import main
from thalamus.service import Thalamus
from thalamus.settings import COLLECT_AFTER

if __name__ == "__main__":
    gc.set_threshold(*COLLECT_AFTER)
    main(Thalamus())
