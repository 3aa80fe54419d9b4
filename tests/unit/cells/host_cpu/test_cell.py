"""What the processor cell reads."""

from collections import namedtuple
from collections.abc import Sequence

import pytest

from cells.host_cpu.v1 import cell as unit
from cells.host_cpu.v1.cell import BusyShare, HostCpuCell, find_processors
from shared.v1.host_sensor import Probe
from shared.v1.manifest import beside
from shared.v1.states import UnitState
from tests.unit.cells.bench import StartCell

MANIFEST = beside(unit.__file__)

Times = namedtuple("Times", "user system idle iowait guest")


def share_of(looks: Sequence[Times]) -> list[float | None]:
    remaining = iter(looks)
    share = BusyShare(lambda: next(remaining))
    return [share.look() for _ in looks[1:]]


@pytest.mark.parametrize(
    ("later", "percent"),
    [
        (Times(user=1, system=0, idle=3, iowait=0, guest=0), 25.0),
        (Times(user=1, system=1, idle=1, iowait=1, guest=0), 50.0),
        (Times(user=2, system=0, idle=2, iowait=0, guest=2), 50.0),  # a guest's time is within user
        (Times(user=0, system=0, idle=4, iowait=0, guest=0), 0.0),
        (Times(user=2, system=0, idle=-1, iowait=0, guest=0), 100.0),
        (Times(user=0, system=0, idle=0, iowait=0, guest=0), None),
    ],
)
def test_the_busy_share_is_the_time_that_was_not_idle(later: Times, percent: float | None) -> None:
    assert share_of([Times(0, 0, 0, 0, 0), later]) == [percent]


def test_each_look_counts_from_the_one_before() -> None:
    looks = [Times(0, 0, 0, 0, 0), Times(1, 0, 0, 0, 0), Times(1, 0, 1, 0, 0)]
    assert share_of(looks) == [100.0, 0.0]


def test_this_machine_has_processors() -> None:
    probe = find_processors()
    values = probe.look()
    assert values["load"] >= 0.0
    assert 0.0 <= values.get("busy", 0.0) <= 100.0
    assert values.keys() <= {reading.name for reading in probe.readings}


async def test_a_sudden_load_is_a_wave_about_the_processor(cell_under_test: StartCell) -> None:
    looks = iter([{"busy": 5.0, "load": 0.1}] * 20 + [{"busy": 95.0, "load": 0.1}])
    probe = Probe(readings=find_processors().readings, look=lambda: next(looks))
    bench = await cell_under_test(HostCpuCell(MANIFEST, lambda: probe))
    assert bench.started is UnitState.READY
    for _ in range(21):
        await bench.cell.sense()
    [wave] = await bench.waves()
    assert (wave.semantic, wave.valence) == ("cpu", 1.0)
    assert wave.payload == {"reading": "busy", "value": 95.0, "usual": 5.0, "unit": "%"}


def test_its_labels_belong_to_its_region() -> None:
    assert {reading.semantic for reading in find_processors().readings} <= set(
        MANIFEST.regions["load"].vocabulary
    )
