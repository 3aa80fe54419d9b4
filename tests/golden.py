"""A million made-up inputs, folded: every machine, Python and hash seed must come to the same SHA-256.

`uv run python -m tests.golden` folds them all and compares with what is written here; `--inputs N` folds fewer
and only prints. The inputs come from a generator of our own, because that of `random` may change.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator

from shared.v1.errors import RefusedError
from shared.v1.messages import RuleChange, Tick, VerificationOutcome, WaveSignal
from shared.v1.states import Outcome
from shared.v1.subjects import parse
from thalamus.decisions import time_of
from thalamus.fold import Input, State, step

INPUTS = 1_000_000
DIGESTS = {
    20_000: "4ad0aae1018d6a0fd5150df39b4a333d956517e7b05eae6bd7f057ecf44ae274",
    INPUTS: "c9c39c5bc9c87be5d6a594a264231a6a8e8023431e3e3388d59aa85e797053d2",
}

_START_MS = 1_800_000_000_000
_CELLS = [parse(f"dev.nervous.cells.{name}.wave") for name in ("a", "b", "c", "d", "e", "f")]
_LABELS = ("math", "calculate", "load", "heat", "obstacle left", "光")
_GARDENS = ("real", "real", "virtual", "virtual.run")
_RULES = parse("dev.nervous.thalamus.rules")
_TICK = parse("dev.nervous.thalamus.tick")


class Dice:
    """A linear congruential generator (Knuth, MMIX): whole numbers, the same everywhere."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, bound: int) -> int:
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self._state >> 33) % bound


def inputs(count: int, seed: int = 1) -> Iterator[Input]:
    """The first `count` inputs of a made-up life."""
    dice, now = Dice(seed), _START_MS
    for seq in range(1, count + 1):
        now += (0, 0, 1, 3, 20, 150, 700)[dice.below(7)]
        kind = dice.below(200)
        if kind == 0:
            change = RuleChange(
                region=("math", None)[dice.below(2)], threshold=(0.7, 1.0, 1.4)[dice.below(3)], tau_ms=1500
            )
            yield Input(seq=seq, at_ms=now, subject=_RULES, body=change)
        elif kind < 8:
            yield Input(seq=seq, at_ms=now, subject=_TICK, body=Tick())
        elif kind < 12:
            region = ("math", "load", "heat")[dice.below(3)]
            outcome = VerificationOutcome(outcome=(Outcome.CONFIRMED, Outcome.FAILED)[dice.below(2)])
            yield Input(seq=seq, at_ms=now, subject=parse(f"dev.nervous.outcomes.{region}"), body=outcome)
        else:
            garden = _GARDENS[dice.below(4)]
            wave = WaveSignal(
                id=str(seq),
                source="cell",
                semantic=_LABELS[dice.below(6)],
                confidence=dice.below(10_001) / 10_000,
                valence=(1.0, 1.0, 0.5, -1.0)[dice.below(4)],
                garden=garden,
                observed_at=time_of(now - dice.below(400)) if garden == "virtual.run" else None,
            )
            yield Input(seq=seq, at_ms=now, subject=_CELLS[dice.below(6)], body=wave)


def digest(count: int) -> str:
    """SHA-256 over all decisions that the first `count` inputs cause."""
    state, running = State(), hashlib.sha256()
    for item in inputs(count):
        try:
            decided = step(state, item)
        except RefusedError as refusal:
            running.update(refusal.reason.encode())
            continue
        for made in decided:
            running.update(made.to_bytes())
    return running.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inputs", type=int, default=INPUTS)
    count = parser.parse_args().inputs
    found = digest(count)
    print(f"{count} inputs: {found}")  # noqa: T201
    if DIGESTS.get(count, found) != found:
        sys.exit(f"expected {DIGESTS[count]}")


if __name__ == "__main__":
    main()
