"""When the battery cell speaks."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import psutil
import pytest

from cells.battery_cell.v1 import cell as unit
from cells.battery_cell.v1.cell import Battery, BatteryCell, BatteryState, read_battery
from shared.v1.manifest import beside
from shared.v1.states import UnitState
from tests.unit.cells.bench import Bench, StartCell

MANIFEST = beside(unit.__file__)

Look = tuple[float, bool] | None
Play = Callable[..., Awaitable[Bench]]


@pytest.fixture
def play(cell_under_test: StartCell) -> Play:
    """Starts a cell, which sees the first look, and lets it sense each: percent and whether it charges."""

    async def run(*looks: Look) -> Bench:
        seen = iter([looks[0], *looks])

        def read() -> Battery | None:
            look = next(seen)
            return None if look is None else Battery(percent=look[0], charging=look[1])

        bench = await cell_under_test(BatteryCell(MANIFEST, read))
        for _ in looks:
            await bench.cell.sense()
        return bench

    return run


async def said(bench: Bench) -> list[tuple[str, float]]:
    return [(wave.semantic, wave.confidence) for wave in await bench.waves()]


async def test_a_machine_without_a_battery_says_so_and_stays_idle(cell_under_test: StartCell) -> None:
    bench = await cell_under_test(BatteryCell(MANIFEST, lambda: None))
    assert bench.started is UnitState.IDLE
    assert (bench.context.state, bench.context.detail) == (UnitState.IDLE, "this machine has no battery")


async def test_enough_charge_is_nothing_to_say(play: Play) -> None:
    bench = await play((100.0, True), (80.0, True), (20.0, True))
    assert bench.started is UnitState.READY
    assert await said(bench) == []


async def test_a_low_battery_is_said_once(play: Play) -> None:
    bench = await play((21.0, False), (19.9, False), (15.0, False), (10.0, False))
    assert await said(bench) == [("energy", 0.6)]
    assert bench.cell.state is BatteryState.LOW
    [wave] = await bench.waves()
    assert wave.payload == {"percent": 19.9, "charging": False}


async def test_a_critical_battery_is_surer_than_a_low_one(play: Play) -> None:
    bench = await play((21.0, False), (19.0, False), (9.9, False), (5.0, False))
    assert await said(bench) == [("energy", 0.6), ("energy", 0.9)]
    assert bench.cell.state is BatteryState.CRITICAL


async def test_a_machine_that_starts_critical_says_so_at_once(play: Play) -> None:
    assert await said(await play((3.0, True))) == [("energy", 0.9)]


async def test_a_charge_that_hovers_at_a_threshold_alarms_once(play: Play) -> None:
    bench = await play(*[(percent, False) for percent in (19.0, 21.0, 19.0, 24.9, 19.0)])
    assert await said(bench) == [("energy", 0.6)]


@pytest.mark.parametrize(
    ("charge", "state"),
    [(9.0, "CRITICAL"), (14.9, "CRITICAL"), (15.0, "LOW"), (24.9, "LOW"), (25.0, "MONITORING")],
)
async def test_a_critical_battery_recovers_five_points_above_each_threshold(
    play: Play, charge: float, state: str
) -> None:
    bench = await play((5.0, True), (charge, True))
    assert bench.cell.state is BatteryState[state]


async def test_an_alarm_comes_again_after_the_battery_has_recovered(play: Play) -> None:
    bench = await play((19.0, False), (90.0, True), (19.0, True))
    assert await said(bench) == [("energy", 0.6), ("energy", 0.6)]


async def test_a_pulled_charger_is_said_once(play: Play) -> None:
    bench = await play((80.0, True), (80.0, False), (79.0, False))
    assert await said(bench) == [("unplugged", 0.3)]
    [wave] = await bench.waves()
    assert wave.payload == {"percent": 80.0, "charging": False}


async def test_a_battery_that_is_taken_out_is_no_event(play: Play) -> None:
    bench = await play((80.0, True), None, (80.0, True))
    assert await said(bench) == []


@pytest.mark.parametrize(
    ("found", "battery"),
    [
        (SimpleNamespace(percent=50, power_plugged=True), Battery(percent=50.0, charging=True)),
        (SimpleNamespace(percent=50, power_plugged=None), Battery(percent=50.0, charging=False)),
        (None, None),
    ],
)
def test_the_battery_is_what_psutil_finds(
    monkeypatch: pytest.MonkeyPatch, found: object, battery: Battery | None
) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: found, raising=False)
    assert read_battery() == battery


def test_a_system_whose_psutil_knows_no_batteries_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(psutil, "sensors_battery", raising=False)
    assert read_battery() is None


def test_its_labels_belong_to_its_region() -> None:
    assert {"energy", "unplugged"} <= set(MANIFEST.regions["energy"].vocabulary)
