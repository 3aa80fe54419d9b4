"""What the math cell answers, and which requests it tells the nervous system of."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest

from cells.math_cell.v1 import cell as unit
from cells.math_cell.v1.arithmetic import MAX_TEXT, Operation
from cells.math_cell.v1.cell import MathCell, MathState
from cells.math_cell.v1.sentence import SURE
from cells.math_cell.v1.tokens import MAX_SENTENCE
from shared.v1.bus import Message
from shared.v1.bus_memory import MemoryBus
from shared.v1.errors import RefusedError
from shared.v1.manifest import beside
from shared.v1.runtime import Context
from shared.v1.settings import Settings
from shared.v1.streams import SENSES, streams_of
from tests.unit.cells.bench import Bench, StartCell

MANIFEST = beside(unit.__file__)


@pytest.fixture
async def bench(cell_under_test: StartCell) -> Bench:
    return await cell_under_test(MathCell(MANIFEST))


async def test_a_typed_request_is_computed(bench: Bench) -> None:
    answer = await bench.ask({"operation": "add", "operands": [15, 27]})
    assert answer == {"result": 42, "exact": "42", "operation": "add", "operands": [15, 27]}


async def test_a_sentence_is_answered_with_its_confidence(bench: Bench) -> None:
    assert await bench.ask({"text": "what is 15 plus 27?"}) == {
        "result": 42,
        "exact": "42",
        "operation": "add",
        "operands": [15, 27],
        "confidence": 0.76,
    }


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"operation": "add", "operands": [0.1, 0.2]}, {"result": 0.3, "exact": "0.3", "operands": [0.1, 0.2]}),
        ({"operation": "divide", "operands": [1, 3]}, {"result": 1 / 3, "exact": "1/3"}),
        ({"operation": "multiply", "operands": ["1/3", "3"]}, {"result": 1, "operands": ["1/3", 3]}),
        ({"operation": "power", "operands": [10, 400]}, {"exact": str(10**400)}),
        ({"operation": "compare", "operands": [3, 2]}, {"result": True, "relation": "greater"}),
        (
            {"operation": "compare", "operands": [3, 2], "relation": "less"},
            {"result": False, "relation": "less"},
        ),
        ({"operation": "add", "operands": [1, 2], "verb": "compute", "mood": "good"}, {"result": 3}),
        ({"operation": "add", "operands": [1, 2], "text": 42}, {"result": 3}),
        ({"text": "2 plus 2", "operation": "add"}, {"result": 4}),
    ],
)
async def test_requests_get_their_answer(bench: Bench, fields: dict[str, Any], answer: dict[str, Any]) -> None:
    given = await bench.ask(fields)
    assert {key: given.get(key) for key in answer} == answer


async def test_a_result_that_no_float_is_near_is_left_to_exact(bench: Bench) -> None:
    assert "result" not in await bench.ask({"operation": "power", "operands": [10, 400]})


async def test_what_is_exact_can_be_sent_back(bench: Bench) -> None:
    third = await bench.ask({"operation": "divide", "operands": [1, 3]})
    assert (await bench.ask({"operation": "multiply", "operands": [third["exact"], 3]}))["exact"] == "1"


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"operation": "divide", "operands": [1, 0]}, 422, "division by zero"),
        ({"operation": "power", "operands": [9, 387420489]}, 422, "1000 digits"),
        ({"operation": "modulo", "operands": [1, 2]}, 422, "modulo"),
        ({"operation": "add", "operands": [1]}, 422, "operands"),
        ({"operation": "add", "operands": [1] * 65}, 422, "operands"),
        ({"operation": "add", "operands": [True, 2]}, 422, "operands"),
        ({"operation": "add", "operands": ["one", 2]}, 422, '"one" is not a number'),
        ({"operation": "add", "operands": ["9" * MAX_TEXT, 2]}, 422, "digits"),
        ({"operation": "add", "operands": ["9" * 100_000, 2]}, 422, "operands"),
        ({"operation": "subtract", "operands": [1, 2, 3]}, 422, "takes 2 operands"),
        ({"text": "tell me a story"}, 422, '"story"'),
        ({"text": ""}, 422, "text"),
        ({"text": "1" * (MAX_SENTENCE + 1)}, 422, "too long"),
        ({"text": 42}, 422, "text"),
        ({}, 422, "'text' is a required property"),
        ({"verb": "dance"}, 404, "dance"),
        (b'{"operation": "add", "operands": [1e999, 1]}', 422, "finite"),
        (b'{"operation": "add", "operands": [NaN, 1]}', 400, "JSON"),
        (b"what is 15 plus 27?", 400, "JSON"),
        (b"", 400, "empty"),
    ],
)
async def test_what_cannot_be_computed_is_refused_with_a_sentence(
    bench: Bench, fields: dict[str, Any] | bytes, code: int, reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason) as refusal:
        await bench.ask(fields)
    assert refusal.value.code == code
    assert len(refusal.value.reason) < 1000


async def test_a_typed_request_of_a_person_is_a_sure_wave(bench: Bench) -> None:
    await bench.ask({"operation": "multiply", "operands": [6, 7]})
    [wave] = await bench.waves()
    assert (wave.semantic, wave.confidence, wave.valence) == ("multiplication", SURE, 1.0)
    assert wave.payload == {"operation": "multiply", "operands": [6, 7]}
    assert wave.lifeforce_cost == 0.2
    assert wave.source == "math/1.0.0/test"


async def test_a_sentence_of_a_person_is_a_wave_with_the_confidence_of_the_parser(bench: Bench) -> None:
    answer = await bench.ask({"text": "what is 15 plus 27?"})
    [wave] = await bench.waves()
    assert (wave.semantic, wave.confidence) == ("addition", answer["confidence"])
    assert wave.payload == {"operation": "add", "operands": [15, 27], "text": "what is 15 plus 27?"}


async def test_a_command_is_no_new_evidence(bench: Bench) -> None:
    fields = {"text": "what is 15 plus 27?"}
    assert (await bench.ask(fields, command="response-1/0"))["result"] == 42
    assert (await bench.ask({"operation": "add", "operands": [1, 2]}, command="response-1/1"))["result"] == 3
    assert await bench.waves() == []


async def test_arithmetic_without_a_result_is_still_arithmetic(bench: Bench) -> None:
    with pytest.raises(RefusedError):
        await bench.ask({"text": "5 / 0"})
    with pytest.raises(RefusedError):
        await bench.ask({"text": "2 ^ (1 / 0)"})
    first, second = await bench.waves()
    assert (first.semantic, first.payload) == (
        "division",
        {"operation": "divide", "operands": [5, 0], "text": "5 / 0"},
    )
    assert second.payload == {"operation": "power", "operands": [], "text": "2 ^ (1 / 0)"}


@pytest.mark.parametrize("fields", [{"text": "tell me a story"}, {"operation": "add", "operands": ["one", 2]}])
async def test_what_is_no_arithmetic_is_no_wave(bench: Bench, fields: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        await bench.ask(fields)
    assert await bench.waves() == []


async def test_a_wave_stays_small(bench: Bench) -> None:
    await bench.ask({"operation": "multiply", "operands": ["1." + "0" * 900 + "1"] + [1] * 63})
    await bench.ask({"operation": "add", "operands": [10**900 + number for number in range(64)]})
    await bench.ask({"text": "1 + 1" + " " * (MAX_SENTENCE - 5)})
    assert max(len(wave.to_bytes()) for wave in await bench.waves()) < 1000


async def test_the_state_follows_the_request(bench: Bench) -> None:
    states = [bench.cell.state]
    with pytest.raises(RefusedError):
        await bench.ask({"operation": "divide", "operands": [1, 0]})
    states.append(bench.cell.state)
    await bench.ask({"operation": "divide", "operands": [1, 1]})
    states.append(bench.cell.state)
    assert states == [MathState.IDLE, MathState.ERROR, MathState.IDLE]
    assert bench.cell.lifeforce_spent == pytest.approx(0.3)


async def test_requests_at_the_same_time_do_not_disturb_each_other(bench: Bench) -> None:
    answers = await asyncio.gather(*(bench.ask({"operation": "add", "operands": [n, 1]}) for n in range(50)))
    assert [answer["result"] for answer in answers] == list(range(1, 51))
    assert len(await bench.waves()) == 50


def ask_directly(cell: MathCell, context: Context) -> Awaitable[bytes]:
    [endpoint] = cell.endpoints(context)
    return endpoint.handler(Message(subject=endpoint.subject, body=b'{"text": "1 + 2"}'))


async def test_a_person_is_answered_while_the_stream_is_away_and_the_wave_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unit, "_MAX_WAITING", 1)
    cell, bus = MathCell(MANIFEST), MemoryBus()
    context = Context(MANIFEST, Settings(), bus)
    cell.attach(context)
    assert json.loads(await ask_directly(cell, context))["result"] == 3
    with pytest.raises(RefusedError, match="streams apply") as refusal:
        await ask_directly(cell, context)
    assert refusal.value.code == 503
    await bus.apply(streams_of("dev"))
    await cell.told()
    assert await bus.last_seq(SENSES) == 1


async def test_a_cell_that_drains_tells_first_what_it_heard() -> None:
    cell, bus = MathCell(MANIFEST), MemoryBus()
    await bus.apply(streams_of("dev"))
    context = Context(MANIFEST, Settings(), bus)
    running = asyncio.create_task(cell.run(context))
    await ask_directly(cell, context)
    context.draining.set()
    await running
    assert await bus.last_seq(SENSES) == 1


async def test_a_wave_that_can_not_be_told_any_more_is_counted_as_an_error() -> None:
    cell, bus = MathCell(MANIFEST), MemoryBus()  # without streams
    context = Context(MANIFEST, Settings(), bus)
    running = asyncio.create_task(cell.run(context))
    await ask_directly(cell, context)
    context.draining.set()
    await running
    assert context.errors == 1


def test_every_label_that_it_speaks_belongs_to_its_region() -> None:
    assert {operation.label for operation in Operation} < set(MANIFEST.regions["math"].vocabulary)


def test_the_manifest_declares_what_the_code_computes() -> None:
    properties = MANIFEST.verbs["compute"].arguments["properties"]
    assert properties["operation"]["enum"] == [operation.value for operation in Operation]
    assert MANIFEST.verbs["answer"].arguments["properties"]["text"]["maxLength"] == MAX_SENTENCE
    assert properties["operands"]["items"]["anyOf"][1]["maxLength"] == MAX_TEXT
    assert all(verb.command for verb in MANIFEST.verbs.values())
