"""Cells as processes on a real server, asked with the plain NATS client as anybody would."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from console.embedded import EmbeddedNats, die_with_parent
from shared.v1.bus_nats import NatsBus
from shared.v1.messages import Heartbeat, WaveSignal
from shared.v1.settings import Settings
from shared.v1.states import UnitState
from shared.v1.streams import SENSES, streams_of

ROOT = Path(__file__).parents[2]
REQUEST = "dev.nervous.cells.math.request"
RESPONSE = "dev.nervous.cells.math.response"
PATIENCE_S = 30.0

HOST_CELLS = {
    "host_cpu": {UnitState.READY},
    "host_memory": {UnitState.READY},
    "host_disk": {UnitState.READY},
    "host_temperature": {UnitState.READY, UnitState.IDLE},
    "battery": {UnitState.READY, UnitState.IDLE},
}


@pytest.fixture
async def bus(settings: Settings) -> AsyncIterator[NatsBus]:
    made = await NatsBus.connect(settings, name="test")
    await made.apply(streams_of("dev"))
    yield made
    await made.close()


@pytest.fixture
async def client(nats_server: EmbeddedNats) -> AsyncIterator[Client]:
    plain = await nats.connect(nats_server.url)
    yield plain
    await plain.close()


@asynccontextmanager
async def running(module: str, server: EmbeddedNats) -> AsyncIterator[asyncio.subprocess.Process]:
    """A unit as a process; it is stopped with SIGTERM, and must then end well."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module,
        cwd=ROOT,
        env={**os.environ, "NATS_URL": server.url, "NIMMERVERSE_ENV": "dev", "NIMMERVERSE_INSTANCE": "test"},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        preexec_fn=die_with_parent(),
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            code = await process.wait()
    assert code == 0


async def first_heartbeat(bus: NatsBus, cell: str, states: set[UnitState]) -> Heartbeat:
    """The first heartbeat of a cell in one of these states, from now on or the last one before."""
    async with asyncio.timeout(PATIENCE_S), aclosing(bus.read("HEARTBEATS", after=0)) as beats:  # type: ignore[type-var]
        async for beat in beats:
            if beat.subject == f"dev.nervous.cells.{cell}.heartbeat":
                heartbeat = Heartbeat.from_bytes(beat.body)
                if heartbeat.state in states:
                    return heartbeat
    raise AssertionError("reading ended")


@pytest.fixture
async def math_cell(bus: NatsBus, nats_server: EmbeddedNats) -> AsyncIterator[asyncio.subprocess.Process]:
    async with running("cells.math_cell.v1", nats_server) as process:
        await first_heartbeat(bus, "math", {UnitState.READY})
        yield process


Ask = Callable[[object], Awaitable[tuple[dict[str, Any], dict[str, str]]]]


@pytest.fixture
def ask(client: Client, math_cell: asyncio.subprocess.Process) -> Ask:
    """Asks as `nats req` does; returns the answer and its headers."""

    async def request(asked: object) -> tuple[dict[str, Any], dict[str, str]]:
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        answer = await client.request(REQUEST, body, timeout=PATIENCE_S)
        return json.loads(answer.data or b"{}"), dict(answer.headers or {})

    return request


async def test_a_person_asks_is_answered_and_everybody_can_listen(ask: Ask, client: Client) -> None:
    copies = await client.subscribe(RESPONSE)
    await client.flush()
    answer, headers = await ask({"text": "what is 15 plus 27?"})
    assert (answer["result"], headers) == (42, {})
    copy = await copies.next_msg(timeout=PATIENCE_S)
    assert json.loads(copy.data) == answer
    assert (await ask({"operation": "add", "operands": [15, 27]}))[0]["result"] == 42


async def test_what_a_person_asks_becomes_a_wave(ask: Ask, bus: NatsBus) -> None:
    await ask({"operation": "add", "operands": [15, 27]})
    async with asyncio.timeout(PATIENCE_S), aclosing(bus.read(SENSES, after=0)) as waves:  # type: ignore[type-var]
        message = await anext(waves)
    wave = WaveSignal.from_bytes(message.body)
    assert message.subject == "dev.nervous.cells.math.wave"
    assert (wave.source, wave.semantic, wave.synthetic) == ("math/1.0.0/test", "addition", False)


@pytest.mark.parametrize(
    ("asked", "code", "reason"),
    [
        ({"operation": "divide", "operands": [1, 0]}, "422", "a division by zero has no result"),
        ({"text": "what is 9 ^ 9 ^ 9"}, "422", "the result would have more than 1000 digits"),
        ({"operation": "modulo", "operands": [1, 2]}, "422", "'modulo' is not one of"),
        (b"what is 15 plus 27?", "400", "the body is not JSON"),
    ],
)
async def test_a_bad_request_is_answered_with_the_headers_of_a_micro_service(
    ask: Ask, asked: object, code: str, reason: str
) -> None:
    answer, headers = await ask(asked)
    assert answer == {}
    assert headers["Nats-Service-Error-Code"] == code
    assert reason in headers["Nats-Service-Error"]


async def test_it_is_listed_among_the_services(ask: Ask, client: Client) -> None:
    await ask({"operation": "add", "operands": [15, 27]})
    await ask({"operation": "divide", "operands": [1, 0]})

    async def service(verb: str) -> dict[str, Any]:
        answer = await client.request(f"$SRV.{verb}.math", b"", timeout=PATIENCE_S)
        told: dict[str, Any] = json.loads(answer.data)
        return told

    ping = await service("PING")
    assert (ping["type"], ping["version"]) == ("io.nats.micro.v1.ping_response", "1.0.0")
    assert ping["metadata"]["source"] == "math/1.0.0/test"
    [endpoint] = (await service("INFO"))["endpoints"]
    assert endpoint["subject"] == REQUEST
    assert json.loads(endpoint["metadata"]["schema"]).keys() == {"compute", "answer"}
    [counted] = (await service("STATS"))["endpoints"]
    assert (counted["num_requests"], counted["num_errors"]) == (2, 1)


async def test_a_cell_ends_well_when_it_is_told_to(math_cell: asyncio.subprocess.Process, bus: NatsBus) -> None:
    math_cell.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S):
        assert await math_cell.wait() == 0


async def test_a_cell_answers_on_a_server_without_streams(nats_server: EmbeddedNats, client: Client) -> None:
    beats = await client.subscribe("dev.nervous.cells.math.heartbeat")
    async with running("cells.math_cell.v1", nats_server):
        while Heartbeat.from_bytes((await beats.next_msg(PATIENCE_S)).data).state is not UnitState.READY:
            pass
        answer = await client.request(REQUEST, b'{"text": "15 + 27"}', timeout=PATIENCE_S)
        assert json.loads(answer.data)["result"] == 42


@pytest.mark.parametrize("cell", HOST_CELLS)
async def test_a_cell_senses_this_machine_or_says_that_it_has_nothing_to_sense(
    cell: str, bus: NatsBus, nats_server: EmbeddedNats
) -> None:
    folder = "battery_cell" if cell == "battery" else cell
    async with running(f"cells.{folder}.v1", nats_server):
        heartbeat = await first_heartbeat(bus, cell, {UnitState.READY, UnitState.IDLE, UnitState.FAILED})
    assert heartbeat.state in HOST_CELLS[cell]
    assert (heartbeat.detail == "") == (heartbeat.state is UnitState.READY)
