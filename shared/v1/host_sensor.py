"""The base of cells that sense the machine they run on: silent while all is as usual.

A probe names the readings that this machine has and looks at all of them at once. Each reading has a
detector of its own; a wave says which reading deviates, how surely, and from what. A deviation that lasts
is said at its 1st, 2nd, 4th, 8th … sample in a row, so a step costs a handful of waves before it has
become usual, not one a second; a deviation in the other direction is a new one. The readings themselves
stand in the heartbeat's load.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from pydantic import JsonValue

from shared.v1.cell import Cell, Move
from shared.v1.deviation import Detector, Deviation
from shared.v1.manifest import Manifest
from shared.v1.states import UnitState

LEAST_CONFIDENCE = 0.3
"""Below it nothing is said: two witnesses open a gate from 0.46 each, three from 0.30."""


class SensorState(Enum):
    """Where a sensor is in its round."""

    IDLE = "idle"  # between two rounds
    POLLING = "polling"  # asks the operating system
    READING = "reading"  # compares what came with what is usual
    EMITTING = "emitting"  # says what deviates
    ERROR = "error"  # the last round failed; the next one starts from here


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One figure of the machine. `resolution` is the smallest spread that means something, in `unit`."""

    name: str
    semantic: str
    unit: str
    resolution: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The readings that this machine has, and a look at them: name → value.

    A look may leave a reading out, as a rate does at its first look. It runs in a thread, because drivers
    may take their time. With no readings, `missing` is the sentence that says what this machine lacks.
    """

    readings: Sequence[Reading]
    look: Callable[[], Mapping[str, float]]
    missing: str = ""


class HostSensor(Cell):
    """A sensor of this machine. A subclass sets `sense_every_s` and passes what finds its readings."""

    states = SensorState
    initial = SensorState.IDLE
    moves: ClassVar[Sequence[Move]] = (
        Move("poll", (SensorState.IDLE, SensorState.ERROR), SensorState.POLLING, 0.1),
        Move("read", SensorState.POLLING, SensorState.READING, 0.3),
        Move("emit", SensorState.READING, SensorState.EMITTING, 0.1),
        Move("rest", (SensorState.READING, SensorState.EMITTING), SensorState.IDLE),
        Move("fail", (SensorState.POLLING, SensorState.READING, SensorState.EMITTING), SensorState.ERROR),
    )

    def __init__(self, manifest: Manifest, find: Callable[[], Probe]) -> None:
        """`find` looks once, at the start, for the readings that this machine has."""
        super().__init__(manifest)
        self._find = find
        self._look: Callable[[], Mapping[str, float]] = dict
        self._watches: Sequence[_Watch] = ()

    async def start(self) -> UnitState:
        """Find the readings; without any, say once what is missing and stay IDLE."""
        probe = await asyncio.to_thread(self._find)
        self._look = probe.look
        self._watches = [_Watch(reading) for reading in probe.readings]
        if self._watches:
            return UnitState.READY
        self.context.become(UnitState.IDLE, probe.missing)
        return UnitState.IDLE

    async def sense(self) -> None:
        """One round: look, compare, and say what deviates."""
        self.move("poll")
        try:
            await self._round()
        except Exception:
            self.move("fail")
            raise
        self.move("rest")

    async def _round(self) -> None:
        values = await asyncio.to_thread(self._look)
        self.move("read")
        self.context.load = {name: _shown(value) for name, value in values.items()}
        said = [
            (watch.reading, values[watch.reading.name], deviation)
            for watch in self._watches
            if watch.reading.name in values
            and (deviation := watch.worth_saying(values[watch.reading.name])) is not None
        ]
        if said:
            self.move("emit")
        for reading, value, deviation in said:
            await self.emit(
                round(deviation.confidence, 4),
                semantic=reading.semantic,
                valence=deviation.sign,
                payload=_payload(reading, value, deviation),
            )


class _Watch:
    """One reading, what is usual for it, and for how many samples in a row it has deviated."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._detector = Detector(resolution=reading.resolution)
        self._sign = 0.0
        self._in_a_row = 0

    def worth_saying(self, value: float) -> Deviation | None:
        """The deviation of this value, if there is one and it is time to say it."""
        deviation = self._detector.judge(value)
        if deviation is None or deviation.confidence < LEAST_CONFIDENCE:
            self._in_a_row = 0
            return None
        self._in_a_row = self._in_a_row + 1 if deviation.sign == self._sign else 1
        self._sign = deviation.sign
        is_power_of_two = self._in_a_row & (self._in_a_row - 1) == 0
        return deviation if is_power_of_two else None


def _payload(reading: Reading, value: float, deviation: Deviation) -> JsonValue:
    return {
        "reading": reading.name,
        "value": _shown(value),
        "usual": _shown(deviation.usual),
        "unit": reading.unit,
    }


def _shown(value: float) -> float:
    return float(f"{value:.6g}")
