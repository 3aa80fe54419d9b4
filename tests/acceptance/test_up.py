"""`nimmerverse up` as a process: what a person with a terminal, and nothing else, sees of it."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import nats
import psutil
import pytest

from console.embedded import EmbeddedNats
from console.exits import Exit
from shared.v1.bus_nats import connected
from shared.v1.messages import GateTransition
from shared.v1.settings import Settings
from shared.v1.states import GateState
from shared.v1.streams import DECISIONS, Change, streams_of
from tests.shell import Shell, finish

WITHOUT_MODELS = {"NIMMERVERSE_GEMMA_MODEL": "none", "NIMMERVERSE_NYX_MODEL": "none"}

Event = dict[str, Any]


class Up:
    """A running `nimmerverse up --output json`, and the events it tells."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.server = ""

    async def until(self, wanted: Callable[[Event], bool]) -> Event:
        """Read events until one is wanted."""
        assert self.process.stdout is not None
        async with asyncio.timeout(90):
            while line := await self.process.stdout.readline():
                event: Event = json.loads(line)
                if wanted(event):
                    return event
        raise AssertionError("`nimmerverse up` ended")

    async def until_state(self, name: str, state: str) -> Event:
        """Wait until a process is said to be in a state."""
        return await self.until(lambda event: event.get("name") == name and event["state"] == state)

    async def until_heard(self, subject: str) -> Any:
        """Wait until a message on a subject is told; return its body."""
        return (await self.until(lambda event: event.get("subject") == subject))["body"]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, variables=WITHOUT_MODELS)


@pytest.fixture
async def up(shell: Shell) -> AsyncIterator[Up]:
    up = Up(await shell.start("up", "--port", "0", "--output", "json"))
    try:
        up.server = (await up.until(lambda event: event["event"] == "ready"))["server"]
        yield up
    finally:
        if up.process.returncode is None:
            up.process.send_signal(signal.SIGINT)
        await finish(up.process, within_s=15)


async def _collapse(server: str) -> None:
    """Two witnesses agree, as said by somebody who has only a NATS client."""
    client = await nats.connect(server)
    await client.publish("dev.nervous.cells.math.wave", b'{"confidence": 0.6}')
    await client.publish("dev.nervous.cells.abacus.wave", b'{"semantic": "calculate", "confidence": 0.5}')
    await client.flush()
    await client.close()


async def _second_opening(server: str) -> int:
    """Wait for a second opening; return the position of the wave that caused it."""
    openings = 0
    async with (
        asyncio.timeout(60),
        connected(Settings(nats_url=server), name="test") as bus,
        aclosing(bus.read(DECISIONS, after=0)) as decisions,  # type: ignore[type-var]
    ):
        async for decision in decisions:
            if decision.subject.endswith(".transition"):
                transition = GateTransition.from_bytes(decision.body)
                openings += transition.to_state is GateState.OPEN
                if openings == 2:
                    return transition.input_seq
    raise AssertionError("the stream ended")


async def test_two_plain_publishes_are_answered_and_a_killed_unit_comes_back(up: Up) -> None:
    await _collapse(up.server)
    opening = await up.until_heard("dev.nervous.thalamus.math.transition")
    assert (opening["from_state"], opening["to_state"]) == (0, 1)
    response = await up.until_heard("dev.cognitive.nyx.response")
    assert response["transition"] == opening["id"]
    closing = await up.until_heard("dev.nervous.thalamus.math.transition")
    assert (closing["to_state"], closing["cause"]) == (0, "decay")

    thalamus = _child(up, "thalamus")
    thalamus.kill()
    dead = await up.until_state("thalamus", "restarting")
    assert "SIGKILL" in dead["detail"]
    back = await up.until_state("thalamus", "ready")
    assert back["restarts"] == 1
    assert back["pid"] != thalamus.pid

    _child(up, "nats-server").kill()
    server = await up.until_state("nats-server", "ready")
    assert server["restarts"] == 1
    await _collapse(up.server)
    assert await _second_opening(up.server) > opening["input_seq"]


async def test_ctrl_c_drains_everything(up: Up, tmp_path: Path) -> None:
    processes = psutil.Process(up.process.pid).children(recursive=True)
    assert len(processes) >= 10
    up.process.send_signal(signal.SIGINT)
    finished = await finish(up.process, within_s=60)
    assert finished.code == Exit.OK
    assert [process for process in processes if process.is_running()] == []
    logs = tmp_path / ".local" / "share" / "nimmerverse" / "dev" / "logs"
    assert {"thalamus.log", "gemma.log", "nyx.log", "math.log"} <= {log.name for log in logs.iterdir()}
    assert '"level": "error"' not in "".join(log.read_text() for log in logs.glob("*.log"))


async def test_a_second_up_on_the_same_data_is_refused(up: Up, shell: Shell) -> None:
    finished = await shell.run("up", "--port", "0")
    assert (finished.code, finished.out) == (Exit.USAGE, "")
    assert f"process {up.process.pid}" in finished.talk


async def test_the_commands_talk_to_what_runs(up: Up, shell: Shell) -> None:
    assert (await shell.run("wave", "math", "--confidence", "0.6", NATS_URL=up.server)).code == Exit.OK
    explained = await shell.run("explain", "math", "-o", "json", NATS_URL=up.server)
    assert explained.document["gate"]["state"] == 0
    assert explained.document["missing"]
    gates = await shell.run("gates", "-o", "json", NATS_URL=up.server)
    assert [gate["region"] for gate in gates.document["gates"]] == ["math"]
    doctor = await shell.run("doctor", "-o", "json", NATS_URL=up.server)
    assert doctor.code == Exit.OK, doctor.out
    verdicts = {finding["name"]: finding["verdict"] for finding in doctor.document}
    assert {verdicts[name] for name in ("server", "streams", "clock", "thalamus", "gemma", "nyx", "cells")} == {
        "ok"
    }


async def test_a_taken_port_names_the_way_out(shell: Shell) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        finished = await shell.run("up", "--port", str(port))
    assert (finished.code, finished.out) == (Exit.USAGE, "")
    assert f"NATS_URL=nats://127.0.0.1:{port}" in finished.talk
    assert finished.talk.count("\n") == 1


async def test_a_server_that_runs_already_is_used_and_left_running(
    shell: Shell, nats_server: EmbeddedNats
) -> None:
    up = Up(await shell.start("up", "--output", "json", NATS_URL=nats_server.url))
    assert (await up.until(lambda event: event["event"] == "ready"))["server"] == nats_server.url
    up.process.send_signal(signal.SIGTERM)
    assert (await finish(up.process, within_s=15)).code == Exit.OK
    async with connected(Settings(nats_url=nats_server.url), name="test") as bus:
        assert {change.change for change in await bus.apply(streams_of("dev"))} == {Change.KEEP}


async def test_without_its_server_up_says_so(shell: Shell) -> None:
    finished = await shell.run("up", NATS_URL="nats://127.0.0.1:9")
    assert finished.code == Exit.UNREACHABLE


async def test_a_killed_up_leaves_no_process(up: Up) -> None:
    processes = psutil.Process(up.process.pid).children(recursive=True)
    os.kill(up.process.pid, signal.SIGKILL)
    await up.process.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, 10)
    assert alive == []


def _child(up: Up, name: str) -> psutil.Process:
    for process in psutil.Process(up.process.pid).children(recursive=True):
        if any(part.endswith(name) for part in process.cmdline()):
            return process
    raise AssertionError(f"{name} does not run")
