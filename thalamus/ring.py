"""The window of a gate: its newest waves in a numpy ring buffer.

Only numbers are kept in it; what a person reads (ids, sources, labels) lies in a list beside them.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

CAPACITY = 128
"""Waves per gate. A decision shows at most these; the averages behind it forget nothing that counts."""


_ROW = np.dtype(
    [
        ("seq", np.int64),
        ("at_ms", np.int64),
        ("witness", np.int64),
        ("confidence", np.float64),
        ("valence", np.float64),
        ("evidence", np.float64),  # nats
        ("cost", np.float64),
        ("gain", np.float64),
    ]
)


class Heard(NamedTuple):
    """One wave as the window keeps it."""

    seq: int
    at_ms: int
    witness: int
    confidence: float
    valence: float
    evidence: float
    cost: float  # lifeforce
    semantic: str
    id: str
    source: str
    gain: float = 0.0  # 1 − D: the share with which it entered its witness's average


class Ring:
    """The newest `CAPACITY` waves of one gate, oldest first when iterated."""

    __slots__ = ("_ids", "_names", "_next", "_rows", "count")

    def __init__(self) -> None:
        self._rows = np.zeros(CAPACITY, dtype=_ROW)
        self._names: list[tuple[int, str, str, str]] = []  # witness, wave id, label and source of each row
        self._ids: dict[tuple[int, str], int] = {}  # witness and wave id → row
        self._next = 0
        self.count = 0

    def holds(self, witness: int, wave_id: str) -> bool:
        """True if a wave of this witness and id is among those kept: it was said before."""
        return (witness, wave_id) in self._ids

    def push(self, heard: Heard, gain: float) -> None:
        """Keep a wave with its gain; the oldest goes if the ring is full."""
        row = self._next
        seq, at_ms, witness, confidence, valence, evidence, cost, label, name, source, _ = heard
        told = (witness, name, label, source)
        self._rows[row] = (seq, at_ms, witness, confidence, valence, evidence, cost, gain)
        if self.count < CAPACITY:
            self.count += 1
            self._names.append(told)
        else:
            forgotten = self._names[row][:2]
            if self._ids.get(forgotten) == row:
                del self._ids[forgotten]
            self._names[row] = told
        self._ids[witness, name] = row
        self._next = (row + 1) % CAPACITY

    def __iter__(self) -> Iterator[Heard]:
        return map(self._heard, self._order())

    def newer_than(self, at_ms: int) -> list[Heard]:
        """The waves after a time, oldest first."""
        times: list[int] = self._rows["at_ms"].tolist()
        return [self._heard(row) for row in self._order() if times[row] > at_ms]

    def _order(self) -> Iterable[int]:
        """The rows, from the oldest to the newest."""
        oldest = (self._next - self.count) % CAPACITY
        return chain(range(oldest, self.count), range(self._next)) if oldest else range(self.count)

    def _heard(self, row: int) -> Heard:
        seq, at_ms, witness, confidence, valence, evidence, cost, gain = self._rows[row].item()
        _, name, label, source = self._names[row]
        return Heard(seq, at_ms, witness, confidence, valence, evidence, cost, label, name, source, gain)
