"""The bench for cells, as a fixture."""

from collections.abc import AsyncIterator

import pytest

from shared.v1.cell import Cell
from tests.unit.cells.bench import Bench, StartCell


@pytest.fixture
async def cell_under_test() -> AsyncIterator[StartCell]:
    """Starts a cell on a bus of its own; see `Bench`."""
    benches = []

    async def start(cell: Cell) -> Bench:
        benches.append(await Bench.start(cell))
        return benches[-1]

    yield start
    for bench in benches:
        await bench.bus.close()
