"""A unit as a real process: what it says, how it waits, how it ends."""

import asyncio
import json
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from console.embedded import EmbeddedNats
from shared.v1.bus_nats import NatsBus
from shared.v1.errors import TryAgainError
from shared.v1.messages import Heartbeat
from shared.v1.settings import Settings
from shared.v1.states import UnitState
from shared.v1.streams import SENSES, streams_of
from tests.integration.waiting import crash_and_restart

ROOT = Path(__file__).parents[2]
MODULE = "tests.integration.tiny_unit"
HEARTBEAT = "dev.nervous.cells.tiny.heartbeat"
REQUEST = "dev.nervous.cells.tiny.request"
WITHIN_S = 30.0

Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start(nats_server: EmbeddedNats) -> AsyncIterator[Start]:
    """Starts the unit with variables beside those that lead to the server; nothing of it survives the test."""
    started: list[Process] = []

    async def start(*command: str, **variables: str) -> Process:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NIMMERVERSE_")}
        process = await asyncio.create_subprocess_exec(
            *(command or (sys.executable, "-m", MODULE)),
            cwd=ROOT,
            env={**kept, "NATS_URL": nats_server.url, "NIMMERVERSE_HEARTBEAT_S": "0.2", **variables},
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        # The pipe is read to its end, so that nothing of it is left to the garbage collector.
        await said(process)


@pytest.fixture
async def bus(settings: Settings) -> AsyncIterator[NatsBus]:
    made = await NatsBus.connect(settings, name="test")
    await made.apply(streams_of("dev"))
    yield made
    await made.close()


async def heartbeat(bus: NatsBus, state: UnitState) -> Heartbeat:
    """The first heartbeat from now on that tells this state."""
    async with asyncio.timeout(WITHIN_S), bus.subscribe(HEARTBEAT) as messages:
        async for message in messages:
            heard = Heartbeat.from_bytes(message.body)
            if heard.state is state:
                return heard
    raise AssertionError("listening was stopped")


async def said(process: Process) -> list[dict[str, Any]]:
    """Its log from here to its end."""
    assert process.stderr is not None
    async with asyncio.timeout(WITHIN_S):
        return [json.loads(line) for line in (await process.stderr.read()).splitlines()]


async def says(process: Process, message: str) -> dict[str, Any]:
    """The next line of its log with this message."""
    assert process.stderr is not None
    async with asyncio.timeout(WITHIN_S):
        async for line in process.stderr:
            record: dict[str, Any] = json.loads(line)
            if record["message"] == message:
                return record
    raise AssertionError(f"it ended and never said {message!r}")


async def end(process: Process) -> int:
    async with asyncio.timeout(WITHIN_S):
        return await process.wait()


async def test_a_process_says_who_and_how_it_is(bus: NatsBus, start: Start) -> None:
    process = await start()
    heard = await heartbeat(bus, UnitState.READY)
    assert heard.source.startswith("tiny/1.2.3/")
    assert (heard.address, heard.pid) == ("nervous.cells.tiny", process.pid)
    again = await heartbeat(bus, UnitState.READY)
    assert again.at > heard.at
    kept = await bus.last_on("HEARTBEATS", HEARTBEAT)
    assert kept is not None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_it_and_it_ends_well(bus: NatsBus, start: Start, number: signal.Signals) -> None:
    process = await start()
    await heartbeat(bus, UnitState.READY)
    process.send_signal(number)
    assert await end(process) == 0
    assert [record["state"] for record in await said(process) if record["action"] == "state"] == [
        "ready",
        "draining",
    ]
    last_word = await bus.get(SENSES, 1)
    assert last_word is not None


async def test_it_waits_for_a_server_that_starts_later(nats_server: EmbeddedNats, start: Start) -> None:
    await nats_server.stop()
    process = await start()
    record = await says(process, "waiting for a server")
    assert nats_server.url in record["reason"]
    await nats_server.start()
    bus = await NatsBus.connect(Settings(nats_url=nats_server.url), name="test")
    assert (await heartbeat(bus, UnitState.READY)).pid == process.pid
    await bus.close()


async def test_a_signal_ends_its_waiting_for_a_server(nats_server: EmbeddedNats, start: Start) -> None:
    await nats_server.stop()
    process = await start()
    await says(process, "waiting for a server")
    process.terminate()
    assert await end(process) == 0


async def test_it_goes_on_when_the_server_is_killed_and_comes_back(
    bus: NatsBus, nats_server: EmbeddedNats, start: Start
) -> None:
    process = await start()
    await heartbeat(bus, UnitState.READY)
    await crash_and_restart(nats_server)
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                answer = await bus.request(REQUEST, b"hi", timeout_s=0.5)
                break
            except TryAgainError:
                await asyncio.sleep(0.02)
    assert answer.body == b"HI"
    assert (await heartbeat(bus, UnitState.READY)).pid == process.pid
    process.terminate()
    assert await end(process) == 0


async def test_a_signal_while_the_server_is_away_ends_it_well(
    bus: NatsBus, nats_server: EmbeddedNats, start: Start
) -> None:
    process = await start()
    await heartbeat(bus, UnitState.READY)
    nats_server.kill()
    await nats_server.wait()
    process.terminate()
    assert await end(process) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def test_its_port_tells_kubernetes_and_prometheus_how_it_is(bus: NatsBus, start: Start) -> None:
    port = free_port()
    await start(NIMMERVERSE_HTTP_PORT=str(port))
    await heartbeat(bus, UnitState.READY)

    def get(path: str) -> tuple[int, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()

    assert await asyncio.to_thread(get, "/livez") == (200, "ok\n")
    assert await asyncio.to_thread(get, "/readyz") == (200, "ok\n")
    status, metrics = await asyncio.to_thread(get, "/metrics")
    assert status == 200
    assert "nimmerverse_ready 1.0" in metrics
    assert "process_resident_memory_bytes" in metrics


async def test_a_wrong_environment_is_a_wrong_configuration(start: Start) -> None:
    process = await start(NIMMERVERSE_ENV="production")
    assert await end(process) == 2
    [record] = await said(process)
    assert record["level"] == "error"
    assert record["action"] == "configuration"
    assert record["message"] == "NIMMERVERSE_ENV is 'production': it must be dev, staging or prod"


async def test_credentials_that_are_not_there_are_a_wrong_configuration(start: Start, tmp_path: Path) -> None:
    process = await start(NATS_CREDS=str(tmp_path / "nobody.creds"))
    assert await end(process) == 2
    [record] = await said(process)
    assert "NATS_CREDS is" in record["message"]


async def test_a_port_that_is_taken_is_a_wrong_configuration(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = await start(NIMMERVERSE_HTTP_PORT=str(taken.getsockname()[1]))
        assert await end(process) == 2
    assert "set NIMMERVERSE_HTTP_PORT to a free port" in (await said(process))[-1]["message"]


async def test_work_that_fails_ends_it_badly_with_one_line_that_says_where(start: Start) -> None:
    process = await start(NIMMERVERSE_FAILS="true")
    assert await end(process) == 1
    record = (await said(process))[-1]
    assert record["message"] == "the unit failed"
    assert "ValueError: told to fail" in record["traceback"]


SUPERVISOR = f'NIMMERVERSE_PARENT=$$ "{sys.executable}" -m {MODULE} & wait'


async def test_a_child_that_outlives_its_supervisor_drains(bus: NatsBus, start: Start) -> None:
    supervisor = await start("bash", "-c", SUPERVISOR)
    child = await heartbeat(bus, UnitState.READY)
    assert child.pid != supervisor.pid
    supervisor.kill()
    await says(supervisor, "the supervisor is gone")
    # The pipe ends with the last process that holds it.
    assert (await said(supervisor))[-1]["state"] == "draining"


async def test_a_child_that_outlives_its_supervisor_does_not_wait_for_a_server(
    nats_server: EmbeddedNats, start: Start
) -> None:
    await nats_server.stop()
    supervisor = await start("bash", "-c", SUPERVISOR)
    await says(supervisor, "waiting for a server")
    supervisor.kill()
    assert [record["message"] for record in await said(supervisor)] == ["the supervisor is gone"]
