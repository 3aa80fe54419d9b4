"""A whole nervous system on this machine: a server, the streams, and every unit as a process of its own.

Used by `demo` and `up`, by acceptance tests and by benchmarks.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Self

from console.changes import Changes
from console.embedded import EmbeddedNats
from console.exits import CommandError, Exit
from console.program import UnitProgram
from console.roster import Stage, UnitSpec, chosen
from console.supervisor import ProcessState, Program, Supervised
from shared.v1.bus import Message
from shared.v1.bus_nats import NatsBus, connected
from shared.v1.errors import RefusedError, TryAgainError
from shared.v1.messages import Heartbeat
from shared.v1.runtime import PARENT_VARIABLE
from shared.v1.settings import Settings
from shared.v1.streams import streams_of

SERVER = "nats-server"

STAGE_S = 1.75
"""Seconds that one stage of stopping may take. Four stages and the server end within 10 s."""

_UNIT_DRAIN_S = 1.4  # what a unit itself takes at most, before force is used
SERVER_STOP_S = 1.0
_HEARTBEAT_S = 2.0
_HOPELESS = 4  # deaths in a row after which a unit will not come up by waiting

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run. `folder` takes the server's data and the logs.

    `external` names a server that runs already; without it one is embedded on `port` (0: a free one).
    `cells` chooses sensing units by name (None: all), `environment` is added to that of every unit.
    """

    folder: Path
    env: str = "dev"
    external: Settings | None = None
    port: int = 0
    cells: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


class Organism:
    """A running nervous system: an async context manager that starts it and stops it.

    `processes` holds the server (if it is ours) and the units by name, in order of their start.
    """

    def __init__(self, plan: Plan) -> None:
        self.processes: dict[str, Supervised] = {}
        self.changes = Changes()
        self._plan = plan
        self._units = chosen(plan.cells)
        self._server: EmbeddedNats | None = None
        self._bus: NatsBus | None = None
        self._hearing = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def bus(self) -> NatsBus:
        """A connection to its server, which survives restarts of the server."""
        if self._bus is None:
            raise TryAgainError("the nervous system is not running")
        return self._bus

    @property
    def settings(self) -> Settings:
        """What a client needs to reach it."""
        if self._plan.external is not None:
            return self._plan.external
        url = self._server.url if self._server is not None else ""
        return Settings().model_copy(update={"env": self._plan.env, "nats_url": url, "nats_creds": ""})

    async def ready(self, progress: Progress, *, within_s: float) -> None:
        """Wait until every process is ready, telling `progress` what is awaited whenever that changes.

        Raises CommandError that names what is missing, and at once if a unit dies again and again.
        """
        told = ""
        try:
            async with asyncio.timeout(within_s):
                async for _ in self.changes.each():
                    awaited = [p for p in self.processes.values() if p.state is not ProcessState.READY]
                    if not awaited:
                        return
                    now = ", ".join(
                        f"{process.name} ({process.detail or process.state})" for process in awaited
                    )
                    for process in awaited:
                        if process.restarts >= _HOPELESS and process.state is ProcessState.RESTARTING:
                            raise CommandError(f"these processes do not start: {now}", Exit.NOT_MET)
                    if now != told:
                        told = now
                        progress(f"waiting for {told}")
        except TimeoutError:
            raise CommandError(f"not ready within {within_s:.0f} s: {told}", Exit.TIMED_OUT) from None

    def kill(self, name: str) -> None:
        """End a process at once, as a power cut would. It will be restarted."""
        pid = self.processes[name].pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    @property
    def _logs(self) -> Path:
        return self._plan.folder / "logs"

    async def _start(self) -> None:
        if self._plan.external is None:
            self._server = EmbeddedNats(self._plan.folder / "nats", port=self._plan.port)
            await self._supervise(SERVER, self._server, beats=False)
        else:
            async with connected(self._plan.external, name="nimmerverse probe"):
                pass  # a server that is not there is an error now, not something to wait for
        self._bus = await NatsBus.connect(self.settings, name="nimmerverse organism")
        await self._bus.apply(streams_of(self._plan.env))
        for place in ("*.*", "*.*.*"):
            pattern = f"{self._plan.env}.{place}.heartbeat"
            messages = await self._hearing.enter_async_context(self._bus.subscribe(pattern))
            self._tasks.append(asyncio.create_task(self._listen(messages)))
        environment = self._environment()
        for unit in self._units:
            program = UnitProgram(unit.module, environment, self._logs / f"{unit.name}.log")
            await self._supervise(unit.name, program, beats=True)

    async def _supervise(self, name: str, program: Program, *, beats: bool) -> None:
        process = Supervised(name, program, beats=beats, changed=self.changes.note)
        self.processes[name] = process
        await process.start()

    def _environment(self) -> dict[str, str]:
        settings = self.settings
        return {
            "NIMMERVERSE_ENV": settings.env,
            "NIMMERVERSE_NATS_URL": settings.nats_url,
            "NATS_URL": settings.nats_url,
            "NIMMERVERSE_NATS_CREDS": settings.nats_creds,
            "NIMMERVERSE_HEARTBEAT_S": str(_HEARTBEAT_S),
            "NIMMERVERSE_DRAIN_S": str(_UNIT_DRAIN_S),
            "NIMMERVERSE_HTTP_PORT": "0",  # one port cannot serve many processes
            "NIMMERVERSE_INSTANCE": "",
            PARENT_VARIABLE: str(os.getpid()),
            **self._plan.environment,
        }

    async def _listen(self, messages: AsyncIterator[Message]) -> None:
        by_address = {unit.address.path: unit.name for unit in self._units}
        async for message in messages:
            with contextlib.suppress(RefusedError):  # somebody else's test message
                heartbeat = Heartbeat.from_bytes(message.body)
                name = by_address.get(heartbeat.address)
                if name in self.processes:
                    self.processes[name].heard(heartbeat)

    async def _stop(self) -> None:
        for _, units in groupby(sorted(self._units, key=_stage), key=_stage):
            names = [unit.name for unit in units if unit.name in self.processes]
            await asyncio.gather(*(self.processes[name].stop(STAGE_S) for name in names))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._bus is not None:
            await self._bus.close()
        await self._hearing.aclose()
        if SERVER in self.processes:
            await self.processes[SERVER].stop(SERVER_STOP_S)


def _stage(unit: UnitSpec) -> Stage:
    return unit.stage
