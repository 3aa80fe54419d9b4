"""Keeps one program running: launches it, restarts it when it dies, and stops it when asked.

One task per program owns its state. Everybody else reads the state, asks for a stop, and passes on what
was heard from the process.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from console.essence import printable
from shared.v1.errors import NimmerverseError
from shared.v1.messages import Heartbeat
from shared.v1.states import UnitState

log = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.2
MAX_BACKOFF_S = 10.0
SOUND_AFTER_S = 10.0
"""A process that lived this long did not die of its start: its next restart is a quick one again."""

KILL_S = 0.4  # what it takes to end a process by force


class Program(Protocol):
    """Something that can be launched again and again, one process at a time."""

    @property
    def pid(self) -> int | None: ...

    async def start(self) -> None:
        """Launch a process. Raises NimmerverseError or OSError if that is impossible."""

    async def wait(self) -> int:
        """Wait until the process ends; return its exit code."""
        ...

    async def stop(self, within_s: float) -> None:
        """End the process, by force after `within_s` seconds."""

    def last_words(self) -> str:
        """What it said at last, in one line."""
        ...


class ProcessState(StrEnum):
    """What a supervised process is doing."""

    STARTING = "starting"  # launched, and not yet ready
    READY = "ready"  # it does its work, or has nothing to do on this machine
    FAILED = "failed"  # it lives, and says why it cannot work
    RESTARTING = "restarting"  # it died; the next launch waits for the backoff
    STOPPING = "stopping"  # it was asked to finish
    STOPPED = "stopped"  # it ended because we asked


def backoff_s(early_deaths: int) -> float:
    """Seconds until the next launch after so many deaths in a row that came soon after a start."""
    return min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(early_deaths - 1, 16)) if early_deaths else 0.0


class Supervised:
    """A program that is kept running. `changed` is called after every change of its state."""

    def __init__(self, name: str, program: Program, *, beats: bool, changed: Callable[[], None]) -> None:
        """Without heartbeats (`beats`) a program is ready as soon as it has started."""
        self.name = name
        self.state = ProcessState.STOPPED
        self.detail = ""
        self.restarts = 0
        self._program = program
        self._beats = beats
        self._changed = changed
        self._stop_within_s: float | None = None
        self._stopping = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._program.pid

    async def start(self) -> None:
        """Launch it for the first time, and keep it running from now on.

        Raises NimmerverseError or OSError if the first launch is impossible.
        """
        try:
            await self._launch()
        except BaseException:
            await self._program.stop(0.0)
            raise
        self._keeping = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def stop(self, within_s: float) -> None:
        """Stop it within about so many seconds; safe to repeat."""
        if self._keeping is None:
            return
        self._stop_within_s = within_s
        self._stopping.set()
        _, unfinished = await asyncio.wait({self._keeping}, timeout=within_s + KILL_S)
        if unfinished:  # in the middle of a launch
            self._keeping.cancel()
            await asyncio.wait({self._keeping})

    def heard(self, heartbeat: Heartbeat) -> None:
        """Its process spoke. What a former process said is ignored."""
        if heartbeat.pid != self.pid or self._stopping.is_set():
            return
        match heartbeat.state:
            case UnitState.READY | UnitState.IDLE:
                self._become(ProcessState.READY, heartbeat.detail)
            case UnitState.FAILED | UnitState.LAGGING:
                self._become(ProcessState.FAILED, heartbeat.detail)
            case UnitState.STARTING | UnitState.DRAINING:
                self._become(ProcessState.STARTING, heartbeat.detail)

    async def _launch(self) -> None:
        self._become(ProcessState.STARTING, "launching")
        await self._program.start()
        self._become(ProcessState.STARTING if self._beats else ProcessState.READY, "")

    async def _keep(self) -> None:
        early_deaths = 0
        launched = time.monotonic()
        try:
            while (reason := await self._death()) is not None:
                early_deaths = early_deaths + 1 if time.monotonic() - launched < SOUND_AFTER_S else 1
                while True:
                    delay = backoff_s(early_deaths)
                    self._become(ProcessState.RESTARTING, reason)
                    if not await self._pause(delay):
                        return
                    self.restarts += 1
                    launched = time.monotonic()
                    try:
                        await self._launch()
                        break
                    except (NimmerverseError, OSError) as error:
                        reason, early_deaths = str(error), early_deaths + 1
        finally:
            self._become(ProcessState.STOPPING, "")
            await self._program.stop(self._stop_within_s or 0.0)
            self._become(ProcessState.STOPPED, "")

    async def _death(self) -> str | None:
        """Wait until the process dies and return why; None if it is to be stopped."""
        ended = asyncio.create_task(self._program.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return None if stopping.done() else _cause(ended.result(), self._program.last_words())
        finally:
            ended.cancel()
            stopping.cancel()

    async def _pause(self, seconds: float) -> bool:
        """Wait; False if it is to be stopped."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return not self._stopping.is_set()

    def _become(self, state: ProcessState, detail: str) -> None:
        detail = printable(detail)  # anybody may publish a heartbeat
        if (state, detail) == (self.state, self.detail):
            return
        self.state, self.detail = state, detail
        log.info(
            "process",
            extra={
                "action": "process",
                "unit": self.name,
                "state": state.value,
                "detail": detail,
                "pid": self.pid,
            },
        )
        self._changed()


def _cause(code: int, last_words: str) -> str:
    try:
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    except ValueError:
        how = f"killed by signal {-code}"
    return f"{how}: {last_words}" if last_words and code > 0 else how
