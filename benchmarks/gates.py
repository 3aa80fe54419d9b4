"""What a wave costs in the fold among few gates and among many, and what a gate keeps in memory.

No server and no decoding: `step` alone. Each row is the time of a wave among so many gates over that with
one, measured in turns. All gates have six witnesses, and a thousand waves come in a second. In the last row a
tenth of the gates stand open: time alone can move those, so the fold looks at them every 50 ms.
"""

import gc
import itertools
import random
import time
import tracemalloc

from benchmarks.rows import Row, arguments, percentile, row, show
from shared.v1.messages import WaveSignal
from shared.v1.subjects import Address, Kind, Subject
from thalamus.fold import Input, State, step
from thalamus.ring import CAPACITY
from thalamus.rules import GateRules
from thalamus.settings import COLLECT_AFTER

COUNTS = (1, 10, 100, 1_000, 10_000)
WITNESSES = 6
MURMUR, SURE = 0.05, 0.8
STAYS_OPEN = GateRules(hysteresis=0.0)

_MEASURED_GATES = 1_000
_START_MS = 1_800_000_000_000


def wave(number: int, gate: int, witness: int, confidence: float) -> Input:
    """The input at a position of SENSES, as a cell would have said it."""
    unit = f"cell{witness}"
    signal = WaveSignal(
        id=f"{unit}/1.0.0/0a1b2c3d/19c1d2e3f40-{number}",
        source=f"{unit}/1.0.0/0a1b2c3d",
        semantic=f"region-{gate}",
        confidence=confidence,
    )
    subject = Subject("dev", Kind.WAVE, Address("nervous", "cells", unit))
    return Input(seq=number, at_ms=_START_MS + number, subject=subject, body=signal)


class Population:
    """A state with so many gates, and waves that go on for ever, one each millisecond."""

    def __init__(self, gates: int, *, opened: int = 0) -> None:
        self.state = State()
        self._gates = gates
        self._dice = random.Random(gates)
        self._numbers = itertools.count(1)
        for _ in range(3):  # once more than twice, so that decays have something to do
            for gate in range(gates):
                for witness in range(WITNESSES):
                    step(self.state, self._wave(gate, witness, MURMUR))
        for gate in range(opened):
            for witness in range(WITNESSES):
                step(self.state, self._wave(gate, witness, SURE))
        for open_gate in self.state.restless.values():
            open_gate.rules = STAYS_OPEN

    def waves(self, count: int) -> list[Input]:
        """The next waves, each about some gate."""
        dice = self._dice
        return [
            self._wave(dice.randrange(self._gates), dice.randrange(WITNESSES), MURMUR) for _ in range(count)
        ]

    def _wave(self, gate: int, witness: int, confidence: float) -> Input:
        return wave(next(self._numbers), gate, witness, confidence)

    def seconds_for(self, count: int) -> float:
        """Fold the next waves; seconds per wave."""
        waves = self.waves(count)
        started = time.perf_counter()
        for item in waves:
            step(self.state, item)
        return (time.perf_counter() - started) / count


def measure(rounds: int, per_round: int) -> tuple[list[Row], list[str]]:
    """Measure in turns; return the rows and the absolute figures."""
    populations = {_name(count): Population(count) for count in COUNTS}
    populations["10,000 gates, 1,000 of them open"] = Population(10_000, opened=1_000)
    seconds: dict[str, list[float]] = {name: [] for name in populations}
    for _ in range(rounds):
        for name, population in populations.items():
            seconds[name].append(population.seconds_for(per_round))
    peer = _name(1)
    rows = [
        row(
            f"a wave among {name}",
            [own / one for own, one in zip(values, seconds[peer], strict=True)],
            peer=f"a wave with {peer}",
            at_most=None if "open" in name else 1.5,
        )
        for name, values in seconds.items()
        if name != peer
    ]
    asides = [f"{name}: {percentile(values, 0.5) * 1e6:.1f} µs a wave" for name, values in seconds.items()]
    new, full = _bytes_per_gate(1), _bytes_per_gate(CAPACITY)
    asides.append(
        f"memory of a gate with one wave: {new:,.0f} bytes; with a full window of {CAPACITY}: {full:,.0f}"
    )
    return rows, asides


def _name(gates: int) -> str:
    return "1 gate" if gates == 1 else f"{gates:,} gates"


def _bytes_per_gate(waves: int) -> float:
    """What a gate keeps once it has heard so many waves, as Python's allocator counts it."""
    state, number = State(), 0
    tracemalloc.start()
    for _ in range(waves):
        for gate in range(_MEASURED_GATES):
            number += 1
            step(state, wave(number, gate, number // _MEASURED_GATES % WITNESSES, MURMUR))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / _MEASURED_GATES


def main() -> None:
    options = arguments(__doc__ or "", rounds=7, per_round=20_000)
    gc.set_threshold(*COLLECT_AFTER)  # as in the process
    rows, asides = measure(options.rounds, options.per_round)
    show(rows, asides, options.output)


if __name__ == "__main__":
    main()
