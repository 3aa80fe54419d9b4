"""The battery of this machine: says when it runs low, and when the charger is pulled."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import psutil
from pydantic import JsonValue

from shared.v1.cell import Cell, Move
from shared.v1.manifest import Manifest
from shared.v1.states import UnitState

LOW_PERCENT = 20.0
CRITICAL_PERCENT = 10.0
RECOVERY_PERCENT = 5.0
"""How far above its threshold a battery must be before the alarm can come again."""

_SURE_OF_LOW = 0.6  # one reading
_SURE_OF_CRITICAL = 0.9
_SURE_OF_UNPLUGGED = 0.3  # a pulled charger may only mean that somebody takes the machine along


class BatteryState(Enum):
    """How much is left."""

    MONITORING = "monitoring"  # enough
    LOW = "low"  # below 20 %
    CRITICAL = "critical"  # below 10 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """What the operating system says: charge in percent, and whether a charger is connected."""

    percent: float
    charging: bool


class BatteryCell(Cell):
    """Looks at the battery every ten seconds; idle on a machine without one."""

    states = BatteryState
    initial = BatteryState.MONITORING
    moves = (
        Move("weaken", BatteryState.MONITORING, BatteryState.LOW, 0.1),
        Move("alarm", (BatteryState.MONITORING, BatteryState.LOW), BatteryState.CRITICAL, 0.1),
        Move("recover", BatteryState.CRITICAL, BatteryState.LOW),
        Move("relax", (BatteryState.LOW, BatteryState.CRITICAL), BatteryState.MONITORING),
    )
    sense_every_s = 10.0

    def __init__(self, manifest: Manifest, read: Callable[[], Battery | None] | None = None) -> None:
        super().__init__(manifest)
        self._read = read or read_battery
        self._was_charging = False

    async def start(self) -> UnitState:
        """Look for a battery; without one, say so once and stay IDLE."""
        battery = await asyncio.to_thread(self._read)
        if battery is not None:
            self._was_charging = battery.charging
            return UnitState.READY
        self.context.become(UnitState.IDLE, "this machine has no battery")
        return UnitState.IDLE

    async def sense(self) -> None:
        """Follow the charge, and say once what has become worse."""
        battery = await asyncio.to_thread(self._read)
        if battery is None:  # taken out while the machine runs on its charger
            return
        unplugged = self._was_charging and not battery.charging
        self._was_charging = battery.charging
        trigger = _trigger(self.state, battery.percent)
        if trigger:
            self.move(trigger)
        if trigger == "alarm":
            await self._say(_SURE_OF_CRITICAL, "energy", battery)
        elif trigger == "weaken":
            await self._say(_SURE_OF_LOW, "energy", battery)
        if unplugged:
            await self._say(_SURE_OF_UNPLUGGED, "unplugged", battery)

    async def _say(self, confidence: float, semantic: str, battery: Battery) -> None:
        payload: dict[str, JsonValue] = {"percent": round(battery.percent, 1), "charging": battery.charging}
        await self.emit(confidence, semantic=semantic, payload=payload)


def read_battery() -> Battery | None:
    """The battery of this machine, None if it has none that the operating system shows."""
    # psutil has no such function on some systems.
    found = getattr(psutil, "sensors_battery", lambda: None)()
    return None if found is None else Battery(percent=float(found.percent), charging=bool(found.power_plugged))


def _trigger(state: Enum, percent: float) -> str:
    """The arrow that the charge takes; empty if it stays."""
    if percent < CRITICAL_PERCENT:
        return "" if state is BatteryState.CRITICAL else "alarm"
    if percent < LOW_PERCENT and state is BatteryState.MONITORING:
        return "weaken"
    if percent >= LOW_PERCENT + RECOVERY_PERCENT and state is not BatteryState.MONITORING:
        return "relax"
    if percent >= CRITICAL_PERCENT + RECOVERY_PERCENT and state is BatteryState.CRITICAL:
        return "recover"
    return ""
