"""The window of a gate: its newest waves in numpy ring buffers.

Only numbers are kept here; what a person reads (ids, sources, labels) lies in lists beside them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

CAPACITY = 128
"""Waves per gate. A decision shows at most these; the averages behind it forget nothing that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
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
    """The newest `CAPACITY` waves of one gate, oldest first when iterated.

    `places`: int64, shape (CAPACITY, 3): sequence, milliseconds, witness index.
    `values`: float64, shape (CAPACITY, 5): confidence, valence, evidence in nats, lifeforce cost, gain.
    """

    __slots__ = ("_ids", "_names", "_next", "count", "places", "values")

    def __init__(self) -> None:
        self.places = np.zeros((CAPACITY, 3), dtype=np.int64)
        self.values = np.zeros((CAPACITY, 5), dtype=np.float64)
        self._names: list[tuple[str, str, str]] = [("", "", "")] * CAPACITY
        self._ids: dict[tuple[int, str], int] = {}  # witness and wave id → row
        self._next = 0
        self.count = 0

    def holds(self, witness: int, wave_id: str) -> bool:
        """True if a wave of this witness and id is among those kept: it was said before."""
        return (witness, wave_id) in self._ids

    def push(self, heard: Heard, gain: float) -> None:
        """Keep a wave with its gain; the oldest goes if the ring is full."""
        row = self._next
        self.values[row] = (heard.confidence, heard.valence, heard.evidence, heard.cost, gain)
        forgotten = (int(self.places[row, 2]), self._names[row][1])
        if self._ids.get(forgotten) == row:
            del self._ids[forgotten]
        self._ids[heard.witness, heard.id] = row
        self.places[row] = (heard.seq, heard.at_ms, heard.witness)
        self._names[row] = (heard.semantic, heard.id, heard.source)
        self._next = (row + 1) % CAPACITY
        self.count = min(self.count + 1, CAPACITY)

    def __iter__(self) -> Iterator[Heard]:
        start = (self._next - self.count) % CAPACITY
        for offset in range(self.count):
            row = (start + offset) % CAPACITY
            seq, at_ms, witness = self.places[row].tolist()
            confidence, valence, evidence, cost, gain = self.values[row].tolist()
            semantic, name, source = self._names[row]
            yield Heard(
                seq=seq,
                at_ms=at_ms,
                witness=witness,
                confidence=confidence,
                valence=valence,
                evidence=evidence,
                cost=cost,
                semantic=semantic,
                id=name,
                source=source,
                gain=gain,
            )

    def newer_than(self, at_ms: int) -> list[Heard]:
        """The waves after a time, oldest first."""
        return [heard for heard in self if heard.at_ms > at_ms]
