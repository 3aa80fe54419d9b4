"""Processes that are kept running, with real ones: tiny programs that live, die, refuse to die."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from console.changes import Changes
from console.logfile import last_words
from console.program import UnitProgram
from console.supervisor import ProcessState, Supervised
from shared.v1.messages import Heartbeat
from shared.v1.states import UnitState

LIVES = "import signal; print('alive', flush=True); signal.pause()"
DIES = 'import sys; print(\'{"message": "no luck"}\', file=sys.stderr); sys.exit(3)'
STAYS = (
    "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True)\nwhile True: signal.pause()"
)

Start = Callable[[str], Supervised]


class Nursery:
    """Makes supervised programs out of source code, and waits for what becomes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.changes = Changes()
        self.born: list[Supervised] = []

    async def start(self, code: str, *, beats: bool = False) -> Supervised:
        (self.folder / "tiny.py").write_text(code)
        program = UnitProgram("tiny", {"PYTHONPATH": str(self.folder)}, self.log)
        process = Supervised("tiny", program, beats=beats, changed=self.changes.note)
        self.born.append(process)
        await process.start()
        return process

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "tiny.log"

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            await self.changes.until(condition)

    async def until_logged(self, text: str) -> None:
        async with asyncio.timeout(20):
            while last_words(self.log) != text:  # noqa: ASYNC110 - a file calls nobody back
                await asyncio.sleep(0.01)


@pytest.fixture
async def nursery(tmp_path: Path) -> AsyncIterator[Nursery]:
    nursery = Nursery(tmp_path)
    yield nursery
    await asyncio.gather(*(process.stop(1.0) for process in nursery.born))


def _pid(process: Supervised) -> int:
    assert process.pid is not None
    return process.pid


async def test_a_process_that_is_killed_is_started_again(nursery: Nursery) -> None:
    process = await nursery.start(LIVES)
    first = _pid(process)
    os.kill(first, signal.SIGKILL)
    await nursery.until(lambda: process.restarts == 1 and process.state is ProcessState.READY)
    assert _pid(process) != first


async def test_a_process_that_dies_at_once_is_tried_again_and_says_why(nursery: Nursery) -> None:
    process = await nursery.start(DIES)
    await nursery.until(lambda: process.restarts >= 2 and process.state is ProcessState.RESTARTING)
    assert process.detail == "ended with code 3: no luck"
    assert process.pid is None


async def test_a_stop_ends_the_process_and_no_new_one_begins(nursery: Nursery) -> None:
    process = await nursery.start(LIVES)
    pid = _pid(process)
    await process.stop(5.0)
    await process.stop(5.0)
    assert (process.state, process.restarts) == (ProcessState.STOPPED, 0)
    assert not psutil.pid_exists(pid)


async def test_a_stop_during_the_backoff_is_a_stop(nursery: Nursery) -> None:
    process = await nursery.start(DIES)
    await nursery.until(lambda: process.state is ProcessState.RESTARTING)
    await process.stop(5.0)
    assert process.state is ProcessState.STOPPED


async def test_a_process_that_ignores_sigterm_is_ended_by_force(nursery: Nursery) -> None:
    process = await nursery.start(STAYS)
    await nursery.until_logged("deaf")
    pid = _pid(process)
    await process.stop(0.2)
    assert not psutil.pid_exists(pid)


async def test_ready_is_what_the_present_process_says(nursery: Nursery) -> None:
    process = await nursery.start(LIVES, beats=True)
    assert process.state is ProcessState.STARTING
    process.heard(_heartbeat(_pid(process) + 1, UnitState.READY))
    assert process.state is ProcessState.STARTING
    process.heard(_heartbeat(_pid(process), UnitState.FAILED, "no disk"))
    assert (process.state, process.detail) == (ProcessState.FAILED, "no disk")
    process.heard(_heartbeat(_pid(process), UnitState.IDLE))
    assert process.state.value == "ready"


async def test_the_log_of_the_former_run_is_kept_aside(nursery: Nursery) -> None:
    former = await nursery.start(DIES)
    await nursery.until(lambda: former.state is ProcessState.RESTARTING)
    await former.stop(1.0)
    await (await nursery.start(LIVES)).stop(1.0)
    assert "no luck" in nursery.log.with_suffix(".log.1").read_text()
    assert "no luck" not in nursery.log.read_text()


def _heartbeat(pid: int, state: UnitState, detail: str = "") -> Heartbeat:
    return Heartbeat(
        source="tiny/1.0.0/x",
        address="nervous.cells.tiny",
        version="1.0.0",
        state=state,
        detail=detail,
        at=datetime.now(UTC),
        interval_s=2.0,
        uptime_s=1.0,
        pid=pid,
        host="here",
    )
