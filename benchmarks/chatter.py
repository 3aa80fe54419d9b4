"""What habituation does to a region in which many witnesses murmur without end, measured with and without.

Fifty witnesses say 0.1 to 0.2 at random moments. Per γ (0 is without) and per interval between the waves of
one witness: the share of time in which the gate is open, how often it opens in an hour, and its mean S; then
two probes in the midst of the murmur: what two new voices of 0.8 amount to at once, and how long it takes two
of the murmurers that go on at 0.8 to open the gate. Time is simulated; the same seeds give the same figures
everywhere.
"""

import copy
import heapq
import json
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from benchmarks.rows import arguments
from shared.v1.states import GateState
from thalamus.gate import Gate
from thalamus.ring import Heard
from thalamus.rules import GateRules
from thalamus.tables import evidence

GAMMAS = (0.0, 1.0, 1.5, 2.0, 3.0)
WITNESSES = 50
WARM_UP_MS = 120_000  # two of the slow time constant
MEASURED_MS = 180_000
PROBE_MS = 10_000  # a probe that has not opened the gate by then never will

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Murmur:
    """One life of a gate under a murmur."""

    interval_ms: int
    habituation: float
    open_share: float  # of the time after warm-up, 0…1
    openings_per_hour: float  # after warm-up
    total: float  # mean S after warm-up, nats
    new_pair: float  # S when two witnesses that never spoke say 0.8
    delay_ms: float  # until two murmurers that go on at 0.8 have opened it; inf: they have not


def live(interval_ms: int, habituation: float, seed: int) -> Murmur:
    """Let one gate hear the murmur, then probe it."""
    gate = Gate("region", "real", GateRules(habituation=habituation))
    totals, openings, open_ms, before_ms = [], 0, 0, WARM_UP_MS
    for at_ms, witness, confidence in _waves(interval_ms, random.Random(seed)):
        was_open = gate.state is GateState.OPEN
        total = _hear(gate, witness, confidence, at_ms)
        if at_ms >= WARM_UP_MS:
            totals.append(total)
            openings += not was_open and gate.state is GateState.OPEN
            open_ms += was_open * (at_ms - before_ms)
            before_ms = at_ms
    return Murmur(
        interval_ms=interval_ms,
        habituation=habituation,
        open_share=open_ms / MEASURED_MS,
        openings_per_hour=openings * _HOUR_MS / MEASURED_MS,
        total=statistics.fmean(totals),
        new_pair=_new_pair(copy.deepcopy(gate), before_ms),
        delay_ms=_delay(copy.deepcopy(gate), before_ms, interval_ms),
    )


def _waves(interval_ms: int, dice: random.Random) -> Iterator[tuple[int, str, float]]:
    """Time, witness and confidence of each wave, in order of time."""
    due = [(dice.randrange(interval_ms), number) for number in range(WITNESSES)]
    heapq.heapify(due)
    while True:
        at_ms, number = due[0]
        if at_ms >= WARM_UP_MS + MEASURED_MS:
            return
        heapq.heapreplace(due, (at_ms + 1 + int(dice.expovariate(1 / interval_ms)), number))
        yield at_ms, f"murmurer{number}", dice.uniform(0.1, 0.2)


def _hear(gate: Gate, witness: str, confidence: float, at_ms: int) -> float:
    """Let a gate hear a wave and move; return S."""
    heard = Heard(
        seq=1,
        at_ms=at_ms,
        witness=gate.witnesses.get(witness, len(gate.witnesses)),
        confidence=confidence,
        valence=1.0,
        evidence=evidence(confidence, 1.0),
        cost=0.0,
        semantic="",
        id="",
        source="",
    )
    gate.hear(witness, heard)
    readout = gate.read(at_ms)
    due = gate.due(at_ms, readout, heard)
    if due is not None:
        gate.move(*due, at_ms, 1, readout)
    return readout.total


def _new_pair(gate: Gate, at_ms: int) -> float:
    _hear(gate, "bell", 0.8, at_ms)
    return _hear(gate, "siren", 0.8, at_ms)


def _delay(gate: Gate, at_ms: int, interval_ms: int) -> float:
    for waited_ms in range(0, PROBE_MS, interval_ms):
        for witness in ("murmurer0", "murmurer1"):
            if _hear(gate, witness, 0.8, at_ms + waited_ms) >= gate.rules.threshold:
                return waited_ms
    return float("inf")


def measure(rounds: int) -> list[list[Murmur]]:
    """All combinations, each in several lives."""
    tau_ms = GateRules().tau_ms
    return [
        [live(interval_ms, habituation, seed) for seed in range(rounds)]
        for interval_ms in (tau_ms // 10, tau_ms // 5, tau_ms)
        for habituation in GAMMAS
    ]


def _line(lives: Sequence[Murmur]) -> str:
    cells = [f"{lives[0].interval_ms:8d} {lives[0].habituation:4.1f}"]
    for name, form in (
        ("open_share", ".2f"),
        ("openings_per_hour", ".0f"),
        ("total", ".2f"),
        ("new_pair", ".2f"),
        ("delay_ms", ".0f"),
    ):
        values = [getattr(life, name) for life in lives]
        spread = f"({min(values):{form}} … {max(values):{form}})"
        cells.append(f"{statistics.median(values):{form}} {spread}".rjust(21))
    return "".join(cells)


def main() -> None:
    options = arguments(__doc__ or "", rounds=5, per_round=1)
    measured = measure(options.rounds)
    if options.output == "json":
        print(json.dumps([[asdict(life) for life in lives] for lives in measured], indent=2))
        return
    heads = ("open share", "openings/h", "mean S", "S of a new pair", "murmurers open, ms")
    print("interval    γ" + "".join(head.rjust(21) for head in heads))
    for lives in measured:
        print(_line(lives))


if __name__ == "__main__":
    main()
