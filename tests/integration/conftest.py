"""The bus in both of its forms."""

from collections.abc import AsyncIterator

import pytest

from console.embedded import EmbeddedNats
from shared.v1.bus import Bus
from shared.v1.bus_memory import MemoryBus
from shared.v1.bus_nats import NatsBus
from shared.v1.settings import Settings
from shared.v1.streams import streams_of


@pytest.fixture(params=["memory", "nats"])
async def bus(request: pytest.FixtureRequest, nats_server: EmbeddedNats) -> AsyncIterator[Bus]:
    made: Bus
    if request.param == "memory":
        made = MemoryBus()
    else:
        made = await NatsBus.connect(Settings(nats_url=nats_server.url), name="test")
    await made.apply(streams_of("dev"))
    yield made
    await made.close()
