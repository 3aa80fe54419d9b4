"""A thalamus that runs beside a test, on a real server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from console.embedded import EmbeddedNats
from shared.v1.bus import Stored
from shared.v1.bus_nats import NatsBus
from shared.v1.manifest import Manifest, Region
from shared.v1.messages import GatesAnswer
from shared.v1.runtime import Context, live
from shared.v1.states import UnitState
from shared.v1.streams import DECISIONS, streams_of
from thalamus.service import Thalamus
from thalamus.settings import ThalamusSettings

MATH = Manifest(
    name="math",
    version="1.0.0",
    kind="compute",
    description="computes",
    regions={"math": Region(vocabulary=("calculate", "sum"), tau_ms=60_000)},
)


class Running:
    """A thalamus that runs beside the test, and the test's own connection."""

    def __init__(self, bus: NatsBus, context: Context, task: asyncio.Task[int]) -> None:
        self.bus = bus
        self.context = context
        self.task = task

    async def publish(self, subject: str, body: str) -> None:
        await self.bus.publish(f"dev.{subject}", body.encode())

    async def wave(self, cell: str, **fields: object) -> int:
        return await self.bus.append(f"dev.nervous.cells.{cell}.wave", json.dumps(fields).encode())

    async def folded(self, seq: int) -> None:
        while True:
            answer = await self.bus.request("dev.nervous.thalamus.gates.request", b"", timeout_s=5)
            if GatesAnswer.from_bytes(answer.body).input_seq >= seq:
                return

    async def nth(self, stream: str, position: int) -> Stored:
        """The message at a position, as soon as it is there."""
        async for message in self.bus.read(stream, after=0):
            if message.seq == position:
                return message
        raise AssertionError("reading was stopped")

    async def decisions(self) -> list[Stored]:
        last = await self.bus.last_seq(DECISIONS)
        kept = [await self.bus.get(DECISIONS, seq) for seq in range(1, last + 1)]
        return [message for message in kept if message is not None]


@asynccontextmanager
async def running(server: EmbeddedNats, **fields: object) -> AsyncIterator[Running]:
    """Run a thalamus until the block ends; `fields` are settings. It leads, or stands by."""
    settings = ThalamusSettings.model_validate(
        {"nats_url": server.url, "tick_ms": 50, "lease_s": 0.5, "instance": "", **fields}
    )
    bus = await NatsBus.connect(settings, name="test")
    await bus.apply(streams_of("dev"))
    own = await NatsBus.connect(settings, name="thalamus")
    unit = Thalamus([MATH])
    context = Context(unit.manifest, settings, own)
    task = asyncio.create_task(live(unit, context))
    made = Running(bus, context, task)
    try:
        await _settled(bus, context, task)
        yield made
    finally:
        context.draining.set()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await own.close()
        await bus.close()


async def _settled(bus: NatsBus, context: Context, task: asyncio.Task[int]) -> None:
    """Wait until the thalamus leads or stands by; fail if it ends instead."""

    async def listen() -> None:
        async with bus.subscribe("dev.nervous.thalamus.heartbeat") as beats:
            if context.state in (UnitState.READY, UnitState.IDLE):
                return
            async for _ in beats:
                if context.state in (UnitState.READY, UnitState.IDLE):
                    return

    listening = asyncio.create_task(listen())
    await asyncio.wait({listening, task}, return_when=asyncio.FIRST_COMPLETED)
    listening.cancel()
    assert not task.done(), "the thalamus ended before it was ready"
