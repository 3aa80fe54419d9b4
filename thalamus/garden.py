"""The time of a garden: data, never a clock, and never backwards.

In `real` it is the stream's receive time. In a virtual garden it is what waves say they observed, so it may
run at any speed. There a single cell with a bad clock must not carry the others with it: a wave far ahead of
its garden is held until another unit confirms its time, and is heard then as if it had come in order.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from shared.v1.messages import WaveSignal

LEAP_TAUS = 40
"""A wave that is ahead of its garden by more than this many τ only claims a time."""

LONELY_CLAIMS = 8
"""So many claims of one unit are believed if no other unit spoke meanwhile."""

MAX_UNITS = 64
"""Units of which a garden knows that they are there; more do not make it any surer."""


class Said(NamedTuple):
    """A wave of a unit with its place in SENSES."""

    seq: int
    unit: str
    wave: WaveSignal


@dataclass(slots=True)
class Garden:
    """The time of one garden in UTC milliseconds, and what did not fit into it."""

    now_ms: int = 0
    swept_ms: int = 0
    pruned_ms: int = 0
    simulated: bool = False  # its waves bring their own time, so ticks do not move it
    late: int = 0  # waves that were older than the garden
    future: int = 0  # waves that claimed a time which nobody confirmed
    duplicates: int = 0  # waves that were said before
    units: dict[str, None] = field(default_factory=dict)  # that spoke in its present, in order
    held: list[Said] = field(default_factory=list)  # claims, in order of arrival

    def admit(self, said: Said, at_ms: int, leap_ms: int) -> list[Said]:
        """The waves to hear now that `said`, observed at `at_ms`, has arrived: none, itself, or held ones."""
        self.simulated = True
        alone = all(unit == said.unit for unit in self.units)
        present = at_ms <= self.now_ms + leap_ms
        if present or alone:
            self.future += len(self.held)  # nobody confirmed them while somebody lived in the present
            self.held.clear()
            if len(self.units) < MAX_UNITS:
                self.units[said.unit] = None
            return [said]
        self.held.append(said)
        claimants = dict.fromkeys(claim.unit for claim in self.held)
        if len(claimants) == 1 and len(self.held) < LONELY_CLAIMS:
            return []
        confirmed, self.held = self.held, []
        self.units = claimants
        return confirmed
