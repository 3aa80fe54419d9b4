"""What the disk cell reads."""

from types import SimpleNamespace

import psutil
import pytest

from cells.host_disk.v1 import cell as unit
from cells.host_disk.v1.cell import HostDiskCell, Rate, find_disks
from shared.v1.host_sensor import Probe
from shared.v1.manifest import beside
from shared.v1.states import UnitState
from tests.unit.cells.bench import StartCell

MANIFEST = beside(unit.__file__)
MIB = 1024 * 1024


def test_a_rate_is_growth_per_second() -> None:
    clock = iter([0.0, 2.0, 3.0, 3.0, 4.0])
    rate = Rate(lambda: next(clock))
    assert rate.of(100) is None
    assert rate.of(110) == 5.0
    assert rate.of(90) is None  # the counter was reset
    assert rate.of(95) is None  # no time has passed
    assert rate.of(100) == 5.0


def test_this_machine_has_a_file_system() -> None:
    probe = find_disks()
    assert 0.0 < probe.look()["used"] <= 100.0
    assert "used" in {reading.name for reading in probe.readings}


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Counters of a machine, for a test to change."""
    figures = SimpleNamespace(read_bytes=0, write_bytes=0, busy_time=0)
    monkeypatch.setattr(psutil, "disk_usage", lambda _: SimpleNamespace(percent=50.0))
    monkeypatch.setattr(psutil, "disk_io_counters", lambda: figures)
    return figures


def test_traffic_and_busy_time_are_read_per_second(
    counters: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 2.0])
    ticks = [next(clock)]
    monkeypatch.setattr(unit, "Rate", lambda: Rate(lambda: ticks[-1]))
    probe = find_disks()
    assert probe.look() == {"used": 50.0}
    ticks.append(next(clock))
    counters.read_bytes, counters.write_bytes, counters.busy_time = 6 * MIB, 2 * MIB, 500
    assert probe.look() == {"used": 50.0, "bytes": 4.0, "busy": 25.0}


def test_a_machine_that_counts_no_traffic_has_space_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "disk_io_counters", lambda: None)
    probe = find_disks()
    assert [reading.name for reading in probe.readings] == ["used"]
    assert probe.look().keys() == {"used"}


async def test_sudden_traffic_is_a_wave(cell_under_test: StartCell, counters: SimpleNamespace) -> None:
    looks = iter(
        [{"used": 50.0, "bytes": 0.1, "busy": 1.0}] * 20 + [{"used": 50.0, "bytes": 400.0, "busy": 99.0}]
    )
    probe = Probe(readings=find_disks().readings, look=lambda: next(looks))
    bench = await cell_under_test(HostDiskCell(MANIFEST, lambda: probe))
    assert bench.started is UnitState.READY
    for _ in range(21):
        await bench.cell.sense()
    assert [wave.semantic for wave in await bench.waves()] == ["io", "io"]


def test_its_labels_belong_to_its_region(counters: SimpleNamespace) -> None:
    assert {reading.semantic for reading in find_disks().readings} <= set(
        MANIFEST.regions["storage"].vocabulary
    )
