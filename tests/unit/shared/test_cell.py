"""A cell on a bus in memory: its moves cost, its waves are signed, its errors are told and survived."""

import asyncio
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import pytest
from pydantic import JsonValue

from shared.v1.bus import Message
from shared.v1.bus_memory import MemoryBus
from shared.v1.cell import COMMAND_HEADER, Call, Cell, CellError, Move
from shared.v1.errors import RefusedError, TryAgainError
from shared.v1.manifest import Manifest, Verb
from shared.v1.messages import WaveSignal
from shared.v1.runtime import Context, live
from shared.v1.settings import Settings
from shared.v1.states import UnitState
from shared.v1.streams import HEARTBEATS, SENSES, streams_of

REQUEST = "dev.nervous.cells.echo.request"
RESPONSE = "dev.nervous.cells.echo.response"
MANIFEST = Manifest(
    name="echo",
    version="1.0.0",
    kind="compute",
    description="says what it hears",
    verbs={
        "say": Verb(
            description="says it",
            arguments={"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
        )
    },
)


class Mood(Enum):
    """States of the test's cell."""

    IDLE = "idle"
    BUSY = "busy"


class Echo(Cell):
    """Answers with what it hears; what it senses is given by the test."""

    states = Mood
    initial = Mood.IDLE
    moves = (
        Move("begin", Mood.IDLE, Mood.BUSY, cost=0.25),
        Move("end", Mood.BUSY, Mood.IDLE, cost=0.5),
        Move("stay", [Mood.IDLE, Mood.BUSY], Mood.BUSY),
    )
    sense_every_s = 30.0

    def __init__(
        self, *, senses: Callable[["Echo"], Any] | None = None, starts: UnitState = UnitState.READY
    ) -> None:
        super().__init__(MANIFEST)
        self.calls: list[Call] = []
        self._senses = senses
        self._starts = starts

    async def start(self) -> UnitState:
        return self._starts

    async def sense(self) -> None:
        if self._senses is not None:
            await self._senses(self)

    async def on_call(self, call: Call) -> Mapping[str, JsonValue]:
        self.calls.append(call)
        return {"said": call.arguments["text"], "times": len(self.calls)}


class PacedContext(Context):
    """A context whose pauses take no time and are remembered; after `rounds` of them the process drains."""

    def __init__(self, bus: MemoryBus, *, rounds: int = 1) -> None:
        super().__init__(MANIFEST, Settings(instance="a"), bus)
        self.pauses: list[float] = []
        self._rounds = rounds

    async def pause(self, seconds: float) -> bool:
        if len(self.pauses) == self._rounds:
            self.draining.set()
            return False
        self.pauses.append(seconds)
        await asyncio.sleep(0)
        return True


@pytest.fixture
async def bus() -> MemoryBus:
    made = MemoryBus()
    await made.apply(streams_of("dev"))
    return made


@pytest.fixture
def cell(bus: MemoryBus) -> Echo:
    made = Echo()
    made.attach(PacedContext(bus))
    return made


async def waves(bus: MemoryBus) -> list[WaveSignal]:
    kept = [await bus.get(SENSES, seq + 1) for seq in range(await bus.last_seq(SENSES))]
    return [WaveSignal.from_bytes(message.body) for message in kept if message is not None]


def test_moves_cost_lifeforce() -> None:
    cell = Echo()
    assert cell.state is Mood.IDLE
    cell.move("begin")
    cell.move("end")
    assert cell.state is Mood.IDLE
    assert cell.lifeforce_spent == 0.75


def test_a_move_that_the_state_does_not_allow_is_an_error_and_costs_nothing() -> None:
    cell = Echo()
    with pytest.raises(CellError, match="echo cannot end in state IDLE"):
        cell.move("end")
    with pytest.raises(CellError, match="echo has no move 'fly': it has begin, end, stay"):
        cell.move("fly")
    assert cell.lifeforce_spent == 0.0
    assert cell.state is Mood.IDLE


def test_a_move_may_begin_in_several_states() -> None:
    cell = Echo()
    cell.move("stay")
    cell.move("stay")
    assert cell.state is Mood.BUSY


def test_a_cell_that_does_not_run_has_no_context() -> None:
    with pytest.raises(CellError, match="does not run yet"):
        _ = Echo().context


async def test_a_wave_is_signed_and_named_and_kept(bus: MemoryBus, cell: Echo) -> None:
    said = await cell.emit(0.6, payload={"n": 1})
    assert await waves(bus) == [said]
    assert said.source == "echo/1.0.0/a"
    assert said.semantic == "echo"
    assert said.id.startswith("echo/1.0.0/a/")
    assert not said.synthetic
    assert cell.context.last_wave_at is not None


async def test_no_two_waves_have_one_name(bus: MemoryBus, cell: Echo) -> None:
    await cell.emit(0.6)
    await cell.emit(0.6)
    assert len({wave.id for wave in await waves(bus)}) == 2


async def test_a_wave_carries_what_the_moves_since_the_last_one_cost(bus: MemoryBus, cell: Echo) -> None:
    cell.move("begin")
    cell.move("end")
    await cell.emit(0.6)
    await cell.emit(0.6)
    assert [wave.lifeforce_cost for wave in await waves(bus)] == [0.75, 0.0]


async def test_moves_made_while_a_wave_is_on_its_way_are_charged_to_the_next(
    bus: MemoryBus, cell: Echo
) -> None:
    cell.move("begin")
    emitting = asyncio.create_task(cell.emit(0.6))
    await asyncio.sleep(0)
    cell.move("end")
    await emitting
    await cell.emit(0.6)
    assert [wave.lifeforce_cost for wave in await waves(bus)] == [0.25, 0.5]


async def test_a_wave_that_cannot_be_said_leaves_its_cost_to_the_next(bus: MemoryBus, cell: Echo) -> None:
    cell.move("begin")
    with pytest.raises(RefusedError, match="confidence is 7"):
        await cell.emit(7)
    await cell.emit(0.6)
    assert [wave.lifeforce_cost for wave in await waves(bus)] == [0.25]


async def test_a_wave_that_no_server_took_before_the_end_is_charged_to_nobody() -> None:
    cell = Echo()
    cell.attach(PacedContext(MemoryBus(), rounds=3))  # without streams nothing is kept
    cell.move("begin")
    with pytest.raises(TryAgainError):
        await cell.emit(0.6)
    assert cell.lifeforce_spent == 0.25
    assert cell.context.last_wave_at is None


async def test_a_cell_senses_at_its_own_pace_until_the_process_drains(bus: MemoryBus) -> None:
    async def look(cell: Echo) -> None:
        await cell.emit(0.5)

    context = PacedContext(bus, rounds=3)
    await Echo(senses=look).run(context)
    assert context.pauses == [30.0, 30.0, 30.0]
    assert len(await waves(bus)) == 3
    assert context.state is UnitState.READY


async def test_an_error_in_sensing_is_told_counted_and_followed_by_pauses_that_double(bus: MemoryBus) -> None:
    states: list[tuple[UnitState, str, Mood]] = []

    async def fail(cell: Echo) -> None:
        states.append((context.state, context.detail, Mood(cell.state)))
        cell.move("begin")
        if len(states) < 9:
            raise ValueError(f"sensor {len(states)} is gone")

    context = PacedContext(bus, rounds=10)
    await Echo(senses=fail).run(context)
    assert context.pauses == [30.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 30.0]
    assert context.errors == 9  # the tenth round fails because the ninth left the cell busy
    assert states[0][:2] == (UnitState.READY, "")
    assert states[1] == (UnitState.FAILED, "ValueError: sensor 1 is gone", Mood.IDLE)
    assert states[9][:2] == (UnitState.READY, "")


async def test_a_failed_cell_says_so_in_its_heartbeat(bus: MemoryBus) -> None:
    async def fail(_: Echo) -> None:
        raise OSError("no such sensor")

    heard: list[bytes] = []

    async def listen() -> None:
        async for heartbeat in bus.read(HEARTBEATS, after=0):
            heard.append(heartbeat.body)
            if b'"failed"' in heartbeat.body:
                context.draining.set()

    class OnceContext(PacedContext):
        async def pause(self, seconds: float) -> bool:
            if not self.pauses:
                return await super().pause(seconds)
            await self.draining.wait()
            return False

    context = OnceContext(bus)
    async with asyncio.timeout(10):
        listening = asyncio.create_task(listen())
        assert await live(Echo(senses=fail), context) == 0
        await listening
    assert b'"detail":"OSError: no such sensor"' in heard[-1]


async def test_a_cell_with_nothing_to_sense_is_idle_and_waits(bus: MemoryBus) -> None:
    context = PacedContext(bus)
    running = asyncio.create_task(Echo(starts=UnitState.IDLE).run(context))
    while context.state is not UnitState.IDLE:
        await asyncio.sleep(0)
    context.draining.set()
    await running
    assert context.pauses == []


async def test_what_a_cell_said_of_its_idleness_stays(bus: MemoryBus) -> None:
    class Blind(Echo):
        async def start(self) -> UnitState:
            self.context.become(UnitState.IDLE, "this machine has no sensor")
            return UnitState.IDLE

    context = PacedContext(bus)
    context.draining.set()
    await Blind().run(context)
    assert (context.state, context.detail) == (UnitState.IDLE, "this machine has no sensor")


def a_request(body: bytes, command: str = "") -> Message:
    return Message(
        subject=REQUEST, body=body, headers={COMMAND_HEADER: command} if command else {}, reply="_INBOX.a"
    )


async def test_a_request_is_answered_on_one_endpoint_that_publishes_its_schema(
    bus: MemoryBus, cell: Echo
) -> None:
    [endpoint] = cell.endpoints(cell.context)
    assert (endpoint.subject, endpoint.copy_to) == (REQUEST, RESPONSE)
    assert '"required":["text"]' in endpoint.metadata["schema"]
    assert await endpoint.handler(a_request(b'{"text": "hi"}')) == b'{"said":"hi","times":1}'
    assert cell.calls == [Call(verb="say", arguments={"text": "hi"})]


async def test_a_repeated_command_is_carried_out_once_and_answered_the_same(cell: Echo) -> None:
    [endpoint] = cell.endpoints(cell.context)
    first = await endpoint.handler(a_request(b'{"text": "hi"}', "c1"))
    assert await endpoint.handler(a_request(b'{"text": "hi"}', "c1")) == first
    assert [call.command for call in cell.calls] == ["c1"]
    assert await endpoint.handler(a_request(b'{"text": "hi"}', "c2")) != first


async def test_a_person_may_ask_the_same_thing_twice(cell: Echo) -> None:
    [endpoint] = cell.endpoints(cell.context)
    for _ in range(2):
        await endpoint.handler(a_request(b'{"text": "hi"}'))
    assert len(cell.calls) == 2


async def test_of_very_many_commands_the_oldest_is_forgotten(cell: Echo) -> None:
    [endpoint] = cell.endpoints(cell.context)
    for number in range(300):
        await endpoint.handler(a_request(b'{"text": "hi"}', f"c{number}"))
    await endpoint.handler(a_request(b'{"text": "hi"}', "c299"))
    assert len(cell.calls) == 300
    await endpoint.handler(a_request(b'{"text": "hi"}', "c0"))
    assert len(cell.calls) == 301


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is empty: send a JSON object"),
        (b"{}", "say: 'text' is a required property"),
        (b'{"text": 5}', "say: text: 5 is not of type 'string'"),
        (b'{"verb": "shout", "text": "hi"}', "echo has no verb 'shout': it has say"),
    ],
)
async def test_a_request_that_the_manifest_does_not_accept_is_refused(
    cell: Echo, body: bytes, words: str
) -> None:
    [endpoint] = cell.endpoints(cell.context)
    with pytest.raises(RefusedError) as refusal:
        await endpoint.handler(a_request(body))
    assert refusal.value.reason == words
    assert cell.calls == []


async def test_a_cell_without_verbs_has_no_endpoint(bus: MemoryBus) -> None:
    cell = Echo()
    cell.manifest = Manifest(name="mute", version="1.0.0", kind="sensor", description="")
    assert cell.endpoints(PacedContext(bus)) == ()


async def test_a_cell_that_declares_verbs_must_answer_them() -> None:
    class Mute(Echo):
        on_call = Cell.on_call

    with pytest.raises(NotImplementedError, match="declares verbs but answers none"):
        await Mute().on_call(Call(verb="say", arguments={}))
