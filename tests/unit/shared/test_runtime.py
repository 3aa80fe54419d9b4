"""The life of a process, without the process: a unit on a bus in memory."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence

import pytest

from shared.v1.bus import Endpoint, Message, Service
from shared.v1.bus_memory import MemoryBus
from shared.v1.errors import RefusedError, TryAgainError
from shared.v1.manifest import Manifest
from shared.v1.messages import Heartbeat
from shared.v1.runtime import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_OK, Context, live
from shared.v1.settings import Settings
from shared.v1.states import UnitState
from shared.v1.streams import HEARTBEATS, streams_of

MANIFEST = Manifest(name="tiny", version="1.2.0", kind="service", description="does little")
REQUEST = "dev.nervous.cells.tiny.request"


class Tiny:
    """A unit whose work is given by the test."""

    manifest = MANIFEST
    settings_type = Settings

    def __init__(self, work: Callable[[Context], Awaitable[None]]) -> None:
        self._work = work

    async def run(self, context: Context) -> None:
        await self._work(context)

    def endpoints(self, context: Context) -> Sequence[Endpoint]:
        async def answer(message: Message) -> bytes:
            return message.body.upper()

        return [
            Endpoint(name="request", subject=context.address.subject(context.env, "request"), handler=answer)
        ]


async def wait_for_the_end(context: Context) -> None:
    context.become(UnitState.READY)
    await context.draining.wait()


@pytest.fixture
async def bus() -> MemoryBus:
    made = MemoryBus()
    await made.apply(streams_of("dev"))
    return made


@pytest.fixture
def context(bus: MemoryBus) -> Context:
    return Context(MANIFEST, Settings(instance="a"), bus)


async def heartbeats_until(bus: MemoryBus, state: UnitState) -> list[Heartbeat]:
    heard = []
    async with asyncio.timeout(10):
        async for message in bus.read(HEARTBEATS, after=0):
            heard.append(Heartbeat.from_bytes(message.body))
            if heard[-1].state is state:
                break
    return heard


async def test_a_process_says_who_it_is_and_every_change_of_its_state(bus: MemoryBus, context: Context) -> None:
    living = asyncio.create_task(live(Tiny(wait_for_the_end), context))
    heard = await heartbeats_until(bus, UnitState.READY)
    assert heard[0].source == "tiny/1.2.0/a"
    assert (heard[0].address, heard[0].version) == ("nervous.cells.tiny", "1.2.0")
    assert heard[0].load["rss_bytes"] > 0
    context.draining.set()
    assert await living == EXIT_OK


async def test_its_endpoints_answer_before_its_work_begins(bus: MemoryBus, context: Context) -> None:
    async def ask_yourself(context: Context) -> None:
        assert (await context.bus.request(REQUEST, b"hi", timeout_s=5)).body == b"HI"

    assert await live(Tiny(ask_yourself), context) == EXIT_OK


async def test_work_that_comes_to_an_end_ends_the_process_well(context: Context) -> None:
    async def once(context: Context) -> None:
        context.become(UnitState.READY, "once")

    assert await live(Tiny(once), context) == EXIT_OK
    assert context.state is UnitState.DRAINING


async def test_draining_lets_readers_finish_what_they_hold(bus: MemoryBus, context: Context) -> None:
    finished = False

    async def read_all(context: Context) -> None:
        nonlocal finished
        context.become(UnitState.READY)
        async for _ in context.bus.read(HEARTBEATS, after=0):
            context.draining.set()
        finished = True

    assert await live(Tiny(read_all), context) == EXIT_OK
    assert finished


async def test_work_that_does_not_end_is_given_up_after_its_time(
    bus: MemoryBus, caplog: pytest.LogCaptureFixture
) -> None:
    async def for_ever(context: Context) -> None:
        context.draining.set()
        await asyncio.Event().wait()

    hurried = Context(MANIFEST, Settings(drain_s=0.01), bus)
    assert await live(Tiny(for_ever), hurried) == EXIT_OK
    assert "stopped before it had finished" in caplog.messages


@pytest.mark.parametrize(
    ("error", "message"),
    [(RefusedError("the rules are wrong"), "the unit cannot go on"), (ValueError("oops"), "the unit failed")],
)
async def test_an_error_that_the_unit_does_not_survive_ends_the_process_badly(
    context: Context, caplog: pytest.LogCaptureFixture, error: Exception, message: str
) -> None:
    async def fail(_: Context) -> None:
        raise error

    assert await live(Tiny(fail), context) == EXIT_FAILED
    assert message in caplog.messages


async def test_a_server_that_is_away_at_the_end_is_no_failure(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    async def busy(context: Context) -> None:
        async def never() -> None:
            raise TryAgainError("the server did not answer")

        asyncio.get_running_loop().call_soon(context.draining.set)
        await context.surely(never)

    assert await live(Tiny(busy), context) == EXIT_OK
    assert "left without the server" in caplog.messages


async def test_a_port_that_is_taken_is_a_wrong_configuration(bus: MemoryBus) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        context = Context(MANIFEST, Settings(http_port=taken.getsockname()[1]), bus)
        assert await live(Tiny(wait_for_the_end), context) == EXIT_CONFIGURATION


async def test_a_call_is_repeated_until_the_server_takes_it(context: Context) -> None:
    attempts = 0

    async def third_time() -> str:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise TryAgainError("not yet")
        return "taken"

    assert await context.surely(third_time) == "taken"


async def test_a_call_that_is_refused_is_not_repeated(context: Context) -> None:
    async def refuse() -> None:
        raise RefusedError("never")

    with pytest.raises(RefusedError, match="never"):
        await context.surely(refuse)


async def test_a_pause_ends_when_the_process_drains(context: Context) -> None:
    asyncio.get_running_loop().call_soon(context.draining.set)
    async with asyncio.timeout(10):
        assert await context.pause(3600) is False


async def test_a_long_reason_and_a_figure_that_is_none_do_not_silence_a_heartbeat(context: Context) -> None:
    context.become(UnitState.FAILED, "x" * 10_000)
    context.load = {"temperature": float("nan"), "free": 7.0}
    said = context.heartbeat(0.0)
    assert len(said.detail) == 500
    assert said.load["free"] == 7.0
    assert "temperature" not in said.load


async def test_a_state_that_does_not_change_is_not_said_twice(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    context.become(UnitState.READY)
    context.become(UnitState.READY)
    assert caplog.messages.count("state changed") == 1


async def test_an_expected_error_is_counted_without_a_traceback(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    context.failed("sensing failed", RefusedError("no"))
    context.failed("sensing failed", ValueError("oops"))
    assert [bool(record.exc_info) for record in caplog.records] == [False, True]
    assert context.errors == 2


async def test_an_unnamed_instance_gets_a_name_of_its_own(bus: MemoryBus) -> None:
    sources = {Context(MANIFEST, Settings(), bus).source for _ in range(2)}
    assert len(sources) == 2


async def test_a_service_that_could_answer_later_says_so(bus: MemoryBus) -> None:
    async def away(_: Message) -> bytes:
        raise TryAgainError("the server is away")

    endpoint = Endpoint(name="request", subject=REQUEST, handler=away)
    await bus.serve(Service(name="tiny", version="1.0.0", description="", endpoints=[endpoint]))
    with pytest.raises(TryAgainError, match="the server is away"):
        await bus.request(REQUEST, b"", timeout_s=5)
