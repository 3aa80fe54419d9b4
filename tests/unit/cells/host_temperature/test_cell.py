"""What the temperature cell reads."""

from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from cells.host_temperature.v1 import cell as unit
from cells.host_temperature.v1.cell import HostTemperatureCell, find_thermometers
from shared.v1.manifest import beside
from shared.v1.states import UnitState
from tests.unit.cells.bench import StartCell

MANIFEST = beside(unit.__file__)


def sensor(current: float, label: str = "") -> SimpleNamespace:
    return SimpleNamespace(label=label, current=current)


def test_sensors_of_the_same_label_are_kept_apart() -> None:
    found: dict[str, Any] = {"coretemp": [sensor(50, "Core 0"), sensor(60, "Core 0")], "acpitz": [sensor(30)]}
    probe = find_thermometers(lambda: found)
    assert probe.look() == {"coretemp.0 Core 0": 50, "coretemp.1 Core 0": 60, "acpitz.0": 30}
    assert [reading.name for reading in probe.readings] == [
        "acpitz.0",
        "coretemp.0 Core 0",
        "coretemp.1 Core 0",
    ]
    assert {reading.semantic for reading in probe.readings} <= set(MANIFEST.regions["heat"].vocabulary)


def test_a_system_whose_psutil_knows_no_temperatures_has_no_sensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(psutil, "sensors_temperatures", raising=False)
    assert find_thermometers().readings == []


async def test_a_machine_without_sensors_says_so_and_stays_idle(cell_under_test: StartCell) -> None:
    bench = await cell_under_test(HostTemperatureCell(MANIFEST, lambda: find_thermometers(dict)))
    assert bench.started is UnitState.IDLE
    assert bench.context.detail == "this machine shows no temperature sensor"


async def test_a_sudden_heat_is_a_wave_that_names_the_sensor(cell_under_test: StartCell) -> None:
    chip = {"coretemp": [sensor(50.0, "Core 0"), sensor(50.0, "Core 1")]}
    bench = await cell_under_test(HostTemperatureCell(MANIFEST, lambda: find_thermometers(lambda: chip)))
    for _ in range(20):
        await bench.cell.sense()
    chip["coretemp"][1].current = 90.0
    await bench.cell.sense()
    [wave] = await bench.waves()
    assert wave.semantic == "temperature"
    assert wave.payload == {"reading": "coretemp.1 Core 1", "value": 90.0, "usual": 50.0, "unit": "°C"}
