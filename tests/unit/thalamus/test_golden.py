"""The same decisions on every machine: hash seeds, repeats, and the digest that is written down."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden import DIGESTS

INPUTS = 20_000


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_decisions_have_the_digest_that_is_written_down(hash_seed: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tests.golden", "--inputs", str(INPUTS)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout.strip() == f"{INPUTS} inputs: {DIGESTS[INPUTS]}"
    assert told.returncode == 0
