"""What the memory cell reads."""

from types import SimpleNamespace

import psutil
import pytest

from cells.host_memory.v1 import cell as unit
from cells.host_memory.v1.cell import HostMemoryCell, find_memory
from shared.v1.manifest import beside
from shared.v1.states import UnitState
from tests.unit.cells.bench import StartCell

MANIFEST = beside(unit.__file__)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Figures of a machine, for a test to change."""
    figures = SimpleNamespace(used=40.0, swap_total=1024, swap=0.0)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(percent=figures.used))
    monkeypatch.setattr(
        psutil, "swap_memory", lambda: SimpleNamespace(total=figures.swap_total, percent=figures.swap)
    )
    return figures


def test_this_machine_has_memory() -> None:
    probe = find_memory()
    values = probe.look()
    assert 0.0 < values["used"] <= 100.0
    assert values.keys() == {reading.name for reading in probe.readings}


def test_swap_is_read_where_there_is_any(memory: SimpleNamespace) -> None:
    assert find_memory().look() == {"used": 40.0, "swap": 0.0}
    memory.swap_total = 0
    assert find_memory().look() == {"used": 40.0}


async def test_a_sudden_need_for_memory_is_a_wave(cell_under_test: StartCell, memory: SimpleNamespace) -> None:
    bench = await cell_under_test(HostMemoryCell(MANIFEST))
    assert bench.started is UnitState.READY
    for _ in range(20):
        await bench.cell.sense()
    memory.used, memory.swap = 80.0, 50.0
    await bench.cell.sense()
    assert [wave.semantic for wave in await bench.waves()] == ["memory", "swap"]


def test_its_labels_belong_to_its_region(memory: SimpleNamespace) -> None:
    assert {reading.semantic for reading in find_memory().readings} <= set(
        MANIFEST.regions["memory"].vocabulary
    )
