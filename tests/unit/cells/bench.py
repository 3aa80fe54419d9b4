"""A bench on which any cell can be driven by hand, without a server and without waiting for time."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.v1.bus import Service
from shared.v1.bus_memory import MemoryBus
from shared.v1.cell import COMMAND_HEADER, Cell
from shared.v1.messages import WaveSignal
from shared.v1.runtime import Context
from shared.v1.settings import Settings
from shared.v1.states import UnitState
from shared.v1.streams import SENSES, streams_of


@dataclass(frozen=True, slots=True)
class Bench:
    """A started cell, its bus, and what it may be asked."""

    cell: Cell
    bus: MemoryBus
    context: Context
    started: UnitState

    @classmethod
    async def start(cls, cell: Cell) -> "Bench":
        """Start a cell on a bus of its own, whose streams are applied; `sense` is called by the test."""
        bus = MemoryBus()
        await bus.apply(streams_of("dev"))
        context = Context(cell.manifest, Settings(instance="test"), bus)
        endpoints = cell.endpoints(context)
        await bus.serve(Service(name=cell.manifest.name, version="1.0.0", description="", endpoints=endpoints))
        cell.attach(context)
        return cls(cell, bus, context, await cell.start())

    async def ask(self, fields: Mapping[str, Any] | bytes, *, command: str = "") -> dict[str, Any]:
        """The cell's answer to a request. Raises RefusedError as the bus does."""
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        headers = {COMMAND_HEADER: command} if command else {}
        subject = self.context.address.subject("dev", "request")
        answer: dict[str, Any] = json.loads(
            (await self.bus.request(subject, body, timeout_s=10, headers=headers)).body
        )
        return answer

    async def waves(self) -> list[WaveSignal]:
        """Every wave so far; what the cell still tells beside its work is waited for."""
        async with asyncio.timeout(10):
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
        stored = [await self.bus.get(SENSES, seq) for seq in range(1, await self.bus.last_seq(SENSES) + 1)]
        return [WaveSignal.from_bytes(message.body) for message in stored if message is not None]


StartCell = Callable[[Cell], Awaitable[Bench]]
