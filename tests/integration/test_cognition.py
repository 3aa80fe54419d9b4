"""Function Gemma and Young Nyx on a real server: from an escalation to the outcome, whatever breaks between."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from cognition.function_gemma.service import Gemma
from cognition.llama import Llama, Tell
from cognition.model import Model, NoModel
from cognition.nyx.service import Nyx
from cognition.settings import CognitionSettings
from cognition.weights import default_weights
from console.embedded import EmbeddedNats
from shared.v1.bus import Bus, Endpoint, Message, Service, Stored
from shared.v1.bus_nats import NatsBus
from shared.v1.cell import COMMAND_HEADER
from shared.v1.errors import RefusedError
from shared.v1.manifest import JsonSchema
from shared.v1.messages import (
    CognitiveRequest,
    CognitiveResponse,
    DeadLetter,
    Escalation,
    Heartbeat,
    Rejection,
    VerificationOutcome,
)
from shared.v1.runtime import EXIT_OK, Context, Unit, live
from shared.v1.states import Decider, Outcome, UnitState
from shared.v1.streams import COGNITION, DEAD, SENSES, gemma_consumer, nyx_consumer, streams_of
from tests.fixtures.ollama.replay import Replay
from tests.unit.cognition.builders import QUESTION, escalation, evidence, unit

REQUESTS = "dev.cognitive.nyx.request"
RESPONSES = "dev.cognitive.nyx.response"
OUTCOMES = "dev.nervous.outcomes.math"
MATH = "dev.nervous.cells.math.request"
ROOT = Path(__file__).parents[2]


class Fake:
    """A model that says what a test wants, when the test lets it."""

    name = "fake"
    detail = "fake weighs"

    def __init__(self, answer: Callable[[JsonSchema], str] | None = None) -> None:
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._answer = answer

    async def complete(self, prompt: str, schema: JsonSchema, *, timeout_s: float) -> str:
        self.asked.put_nowait(prompt)
        await self.go_on.wait()
        return self._answer(schema) if self._answer else "no idea"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def open(self, wanted: str, settings: CognitionSettings, tell: Tell) -> Model:
        return self


async def no_model(wanted: str, settings: CognitionSettings, tell: Tell) -> Model:
    return NoModel("a test")


class Math:
    """Who answers for the math cell: it remembers what it was asked, and can be held."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def serve(self, bus: Bus) -> None:
        endpoint = Endpoint(name="request", subject=MATH, handler=self._answer)
        await bus.serve(Service(name="math", version="1.0.0", description="computes", endpoints=[endpoint]))

    async def _answer(self, message: Message) -> bytes:
        body = json.loads(message.body)
        self.asked.put_nowait((message.headers[COMMAND_HEADER], body))
        await self.go_on.wait()
        if body["operands"] == [1, 0]:
            raise RefusedError("nobody divides by zero", code=422)
        return b'{"result":42}'


class Bench:
    """The test's own connection, and the units that it starts and stops."""

    def __init__(self, server: EmbeddedNats, bus: NatsBus) -> None:
        self.server = server
        self.bus = bus

    @asynccontextmanager
    async def running(self, unit: Unit, **settings: Any) -> AsyncIterator[Context]:
        """A unit with a connection of its own, as `main` would run it; leaving drains it."""
        given = {"nats_url": self.server.url, "heartbeat_s": 0.2, "drain_s": 10, **settings}
        bus = await NatsBus.connect(CognitionSettings(**given), name=unit.manifest.name)
        context = Context(unit.manifest, CognitionSettings(**given), bus)
        living = asyncio.create_task(live(unit, context))
        try:
            yield context
        finally:
            context.draining.set()
            assert await living == EXIT_OK
            await bus.close()

    @asynccontextmanager
    async def crashing(self, unit: Unit, **settings: Any) -> AsyncIterator[Context]:
        """A unit that is torn off in the middle of what it does: no drain, no acknowledgement."""
        given = {"nats_url": self.server.url, **settings}
        bus = await NatsBus.connect(CognitionSettings(**given), name=unit.manifest.name)
        context = Context(unit.manifest, CognitionSettings(**given), bus)
        working = asyncio.create_task(unit.run(context))
        try:
            yield context
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await bus.close()

    async def waves(self, payload: object = QUESTION) -> tuple[int, int]:
        """The textbook pair, said by two cells."""
        first, second = [
            await self.bus.append(
                f"dev.nervous.cells.{cell}.wave", json.dumps({"confidence": c, "payload": payload}).encode()
            )
            for cell, c in (("math", 0.6), ("adder", 0.5))
        ]
        return first, second

    async def escalate(self, payload: object = QUESTION, *, seq: int = 17) -> Escalation:
        """What the thalamus would say about the textbook pair."""
        first, second = await self.waves(payload)
        opened = escalation(evidence(first), evidence(second, witness="adder", confidence=0.5), seq=seq)
        await self.bus.append("dev.nervous.thalamus.math.escalation", opened.to_bytes())
        return opened

    async def ask(self, *actions: Mapping[str, Any], seq: int = 17, **fields: Any) -> None:
        """A request to Nyx, typed by hand."""
        request = {
            "id": f"rq:real/math/{seq}",
            "escalation": f"es:real/math/{seq}",
            "transition": f"tr:real/math/{seq}",
            "event": "calculate",
            "region": "math",
            "garden": "real",
            "confidence": 0.8,
            "actions": actions or (COMPUTE, OBSERVE),
            "suggested": "observe",
            "rendered_by": "rules",
            "budget": 4000.0,
            "deadline": (datetime.now(UTC) + timedelta(minutes=5)).isoformat(),
        }
        await self.bus.append(REQUESTS, json.dumps(request | fields).encode())

    async def nth(self, subject: str, position: int = 1) -> Stored:
        """The n-th message on a subject, as soon as it is there."""
        stream = SENSES if subject == OUTCOMES else DEAD if subject.startswith("dev.dead") else COGNITION
        seen = 0
        async with asyncio.timeout(60):
            async for message in self.bus.read(stream, after=0, filters=[subject]):
                seen += 1
                if seen == position:
                    return message
        raise AssertionError("reading was stopped")

    async def response(self, position: int = 1) -> CognitiveResponse:
        return CognitiveResponse.from_bytes((await self.nth(RESPONSES, position)).body)

    async def request(self, position: int = 1) -> CognitiveRequest:
        return CognitiveRequest.from_bytes((await self.nth(REQUESTS, position)).body)

    async def outcome(self, position: int = 1) -> VerificationOutcome:
        return VerificationOutcome.from_bytes((await self.nth(OUTCOMES, position)).body)

    async def rejection(self, unit: str) -> Rejection:
        return Rejection.from_bytes((await self.nth(f"dev.cognitive.{unit}.rejected")).body)

    async def count(self, subject: str) -> int:
        stream = SENSES if subject == OUTCOMES else COGNITION
        found, since = 0, 1
        while (message := await self.bus.next_on(stream, subject, since=since)) is not None:
            found, since = found + 1, message.seq + 1
        return found

    async def finished(self, unit: str) -> None:
        """Wait until a unit has acknowledged all that it was asked."""
        consumer = gemma_consumer("dev") if unit == "gemma" else nyx_consumer("dev")
        last = await self.bus.last_on(consumer.stream, consumer.filter)
        assert last is not None
        async with asyncio.timeout(60):
            while await self.bus.acked_up_to(consumer) < last.seq:  # noqa: ASYNC110 - nobody tells of acks
                await asyncio.sleep(0.05)


COMPUTE = {
    "id": "math.compute",
    "confidence": 0.8,
    "command": {
        "target": "nervous.cells.math",
        "verb": "compute",
        "arguments": {"operation": "add", "operands": [15, 27]},
    },
}
DIVIDE = {
    "id": "math.compute",
    "confidence": 0.8,
    "command": {
        "target": "nervous.cells.math",
        "verb": "compute",
        "arguments": {"operation": "divide", "operands": [1, 0]},
    },
}
OBSERVE = {"id": "observe", "confidence": 0.2}


@pytest.fixture
async def bench(nats_server: EmbeddedNats) -> AsyncIterator[Bench]:
    bus = await NatsBus.connect(CognitionSettings(nats_url=nats_server.url), name="test")
    await bus.apply(streams_of("dev"))
    yield Bench(nats_server, bus)
    await bus.close()


def gemma(model: Fake | None = None) -> Gemma:
    return Gemma([unit()], open_model=model.open if model else no_model)


def nyx(model: Fake | None = None) -> Nyx:
    return Nyx([unit()], open_model=model.open if model else no_model)


async def test_an_escalation_becomes_an_outcome_and_every_step_names_the_one_before(bench: Bench) -> None:
    math = Math()
    await math.serve(bench.bus)
    async with bench.running(gemma()), bench.running(nyx()) as context:
        opened = await bench.escalate()
        request, response, outcome = await bench.request(), await bench.response(), await bench.outcome()
        await bench.finished("nyx")
    assert (request.id, request.escalation, request.transition) == (
        "rq:real/math/17",
        opened.id,
        opened.transition,
    )
    assert [action.id for action in request.actions] == ["math.compute", "math.answer", "observe"]
    assert (request.event, request.suggested, request.rendered_by) == (
        "calculate",
        "math.compute",
        Decider.RULES,
    )
    assert {fact.name: fact.value for fact in request.facts} == QUESTION
    assert (response.id, response.request, response.decision) == ("rs:real/math/17", request.id, "math.compute")
    assert response.answer == 'nervous.cells.math shall compute {"operation": "add", "operands": [15, 27]}'
    assert (response.decided_by, response.model, len(response.commands)) == (Decider.RULES, "", 1)
    assert await math.asked.get() == (
        "cm:real/math/17",
        {"verb": "compute", "operation": "add", "operands": [15, 27]},
    )
    assert math.asked.empty()
    assert outcome == VerificationOutcome(
        outcome=Outcome.CONFIRMED,
        about=response.id,
        opening=opened.transition,
        source=context.source,
        garden="real",
        detail='nervous.cells.math answered {"result":42}',
    )


async def test_waves_that_are_gone_are_skipped_and_nyx_may_only_observe(bench: Bench) -> None:
    opened = escalation(evidence(900), evidence(901, witness="adder"))
    async with bench.running(gemma()), bench.running(nyx()):
        await bench.bus.append("dev.nervous.thalamus.math.escalation", opened.to_bytes())
        request, response = await bench.request(), await bench.response()
        await bench.finished("nyx")
    assert request.facts == ()
    assert request.evidence == ("w900", "w901")
    assert (response.decision, response.commands) == ("observe", ())
    assert await bench.count(OUTCOMES) == 0


async def test_an_escalation_that_cannot_be_read_is_a_dead_letter_and_the_next_is_answered(
    bench: Bench,
) -> None:
    async with bench.running(gemma()):
        await bench.bus.append("dev.nervous.thalamus.math.escalation", b'{"confidence": 7}')
        await bench.escalate(seq=18)
        assert (await bench.request()).id == "rq:real/math/18"
        letter = DeadLetter.from_bytes((await bench.nth("dev.dead.>")).body)
    assert "missing" in letter.reason


async def test_the_model_only_weighs(bench: Bench) -> None:
    def observe(schema: JsonSchema) -> str:
        branch = schema["anyOf"][-1]["properties"]
        return json.dumps({name: part["enum"][0] for name, part in branch.items()})

    fake = Fake(observe)
    async with bench.running(gemma(fake)):
        await bench.escalate()
        request = await bench.request()
    assert request.rendered_by is Decider.MODEL
    assert request.suggested == "math.compute"
    prompt = 'region math; gate open 0.80; waves math "calculate" +0.60, adder "calculate" +0.50\naction:'
    assert fake.asked.get_nowait() == prompt


async def test_what_a_model_makes_up_is_rejected_and_the_rules_go_on(bench: Bench) -> None:
    lie = '{"action": "drop all tables"}'
    async with bench.running(gemma(Fake(lambda _: lie))), bench.running(nyx(Fake(lambda _: lie))):
        opened = await bench.escalate()
        request, response = await bench.request(), await bench.response()
        for who, about in (("gemma", opened.id), ("nyx", request.id)):
            rejection = await bench.rejection(who)
            assert rejection == Rejection(
                about=about,
                reason="the model chose none of what was offered",
                said=lie,
                model="fake",
            )
    assert (request.rendered_by, request.suggested) == (Decider.RULES, "math.compute")
    assert (response.decided_by, response.decision) == (Decider.RULES, "math.compute")
    assert "tables" not in request.model_dump_json() + response.model_dump_json()


async def test_nyx_weighs_her_model_against_the_prior(bench: Bench) -> None:
    fake = Fake(lambda schema: json.dumps({"action": schema["properties"]["action"]["enum"][1]}))
    even = [COMPUTE | {"confidence": 0.5}, OBSERVE | {"confidence": 0.5}]
    async with bench.running(nyx(fake)):
        await bench.ask(*even)
        response = await bench.response()
    # prior ½ : ½, model 0.4 : 0.6
    assert (response.decision, response.confidence) == ("observe", 0.6)
    assert (response.decided_by, response.model) == (Decider.MODEL, "fake")


async def test_gemma_torn_off_in_the_middle_asks_once(bench: Bench) -> None:
    fake = Fake()
    fake.go_on.clear()
    async with bench.crashing(gemma(fake)):
        await bench.escalate()
        await fake.asked.get()
    assert await bench.count(REQUESTS) == 0
    async with bench.running(gemma()):
        await bench.request()
        await bench.finished("gemma")
    async with bench.running(gemma()):
        await bench.escalate(seq=18)
        await bench.request(2)
        await bench.finished("gemma")
    assert await bench.count(REQUESTS) == 2


async def test_nyx_torn_off_between_decision_and_outcome_decides_once(bench: Bench) -> None:
    math = Math()
    await math.serve(bench.bus)
    math.go_on.clear()
    async with bench.crashing(nyx(Fake(lambda _: '{"action":"math.compute"}'))):
        await bench.ask()
        first, _ = await math.asked.get()
    assert await bench.count(RESPONSES) == 1
    assert await bench.count(OUTCOMES) == 0
    math.go_on.set()
    async with bench.running(nyx()):  # without a model she would say decided_by rules
        outcome = await bench.outcome()
        await bench.finished("nyx")
    again, _ = await math.asked.get()
    assert first == again == "cm:real/math/17"  # under one id a cell answers from memory
    assert (await bench.response()).decided_by is Decider.MODEL
    assert outcome.outcome is Outcome.CONFIRMED
    assert (await bench.count(RESPONSES), await bench.count(OUTCOMES)) == (1, 1)


async def test_a_restart_of_the_server_loses_and_doubles_nothing(bench: Bench) -> None:
    math = Math()
    await math.serve(bench.bus)
    fake = Fake(lambda _: '{"action":"math.compute"}')
    fake.go_on.clear()
    async with bench.running(gemma()), bench.running(nyx(fake)):
        await bench.escalate()
        await fake.asked.get()
        bench.server.kill()
        await bench.server.wait()
        fake.go_on.set()
        await bench.server.start()
        assert (await bench.outcome()).outcome is Outcome.CONFIRMED
        await bench.finished("nyx")
        assert (await bench.count(REQUESTS), await bench.count(RESPONSES)) == (1, 1)
        assert await bench.count(OUTCOMES) == 1


async def test_a_unit_that_refuses_is_a_failed_outcome(bench: Bench) -> None:
    await Math().serve(bench.bus)
    async with bench.running(nyx()):
        await bench.ask(DIVIDE, OBSERVE)
        outcome = await bench.outcome()
    assert outcome.outcome is Outcome.FAILED
    assert outcome.detail == "nervous.cells.math refused compute: nobody divides by zero"


async def test_a_unit_that_is_not_there_fails_the_answer_but_not_the_queue(bench: Bench) -> None:
    async with bench.running(nyx(), command_attempts=2):
        await bench.ask()
        await bench.ask(OBSERVE, seq=18)
        outcome = await bench.outcome()
        assert (await bench.response(2)).decision == "observe"
    assert outcome.outcome is Outcome.FAILED
    assert outcome.detail.startswith("nervous.cells.math was asked 2 times: nobody answers on")


async def test_a_unit_that_comes_back_is_asked_again(bench: Bench) -> None:
    math = Math()
    async with bench.running(nyx()), bench.bus.subscribe(RESPONSES) as responses:
        await bench.ask()
        await anext(responses)
        await math.serve(bench.bus)
        assert (await bench.outcome()).outcome is Outcome.CONFIRMED


async def test_what_no_manifest_offers_is_rejected_and_not_chosen(bench: Bench) -> None:
    forged = {
        "id": "math.explode",
        "confidence": 1.0,
        "command": {"target": "nervous.cells.math", "verb": "explode"},
    }
    async with bench.running(nyx()):
        await bench.ask(forged, OBSERVE)
        response, rejection = await bench.response(), await bench.rejection("nyx")
        await bench.ask(forged, seq=18)
        letter = DeadLetter.from_bytes((await bench.nth("dev.dead.>")).body)
    assert response.decision == "observe"
    assert rejection.about == "rq:real/math/17"
    assert rejection.reason.startswith("math.explode: nervous.cells.math has no verb 'explode'")
    assert letter.reason.startswith("nothing that is offered may be chosen: math.explode")
    assert await bench.count(RESPONSES) == 1


async def test_a_request_without_an_opening_tells_no_outcome(bench: Bench) -> None:
    math = Math()
    await math.serve(bench.bus)
    async with bench.running(nyx()):
        await bench.ask(id="mine", transition="")
        await bench.finished("nyx")
        command, _ = await math.asked.get()
    assert command == "cm:mine"
    assert await bench.count(OUTCOMES) == 0


async def test_after_its_deadline_a_request_is_only_observed_or_refused(bench: Bench) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    async with bench.running(nyx(Fake())):
        await bench.ask(deadline=past)
        await bench.ask(COMPUTE, deadline=past, seq=18)
        response = await bench.response()
        letter = DeadLetter.from_bytes((await bench.nth("dev.dead.>")).body)
    assert (response.decision, response.decided_by) == ("observe", Decider.RULES)
    assert "has passed and 'observe' is not offered" in letter.reason


async def test_a_command_that_was_not_sent_before_the_deadline_is_not_sent_at_all(bench: Bench) -> None:
    math = Math()
    await math.serve(bench.bus)
    now = datetime.now(UTC)
    # Until she has decided she looks at the clock four times.
    late = iter([now] * 4 + [now + timedelta(hours=1)] * 100)
    unhurried = Nyx([unit()], clock=lambda: next(late), open_model=no_model)
    async with bench.running(unhurried):
        await bench.ask()
        rejection = await bench.rejection("nyx")
        await bench.finished("nyx")
    assert rejection.about == "rs:real/math/17"
    assert "not sent, the deadline" in rejection.reason
    assert (await bench.count(RESPONSES), await bench.count(OUTCOMES)) == (1, 0)
    assert math.asked.empty()


async def test_nyx_asks_ollama_where_there_is_one(bench: Bench) -> None:
    def choose(asked: dict[str, Any]) -> tuple[str, str]:
        ids = asked["format"]["properties"]["action"]["enum"]
        return "chat-schema", json.dumps({"action": ids[0]}) + "\n\n   \t \t"

    await Math().serve(bench.bus)
    async with Replay(choose) as server, bench.running(Nyx([unit()]), ollama_host=server.host) as context:
        await bench.ask()
        response = await bench.response()
        assert context.detail == f"m270b:latest weighs, on Ollama at {server.host}"
    assert (response.decision, response.decided_by) == ("math.compute", Decider.MODEL)
    assert response.model == "m270b:latest"


class Watched(Llama):
    """The real model child; the test hears what becomes of it, and when it is asked."""

    def __init__(self, weights: Path, tell: Tell) -> None:
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.asked: asyncio.Queue[str] = asyncio.Queue()

        def both(detail: str) -> None:
            tell(detail)
            self.told.put_nowait(detail)

        super().__init__(weights, threads=2, tell=both)

    async def complete(self, prompt: str, schema: JsonSchema, *, timeout_s: float) -> str:
        self.asked.put_nowait(prompt)
        return await super().complete(prompt, schema, timeout_s=timeout_s)

    async def until_ready(self) -> None:
        async with asyncio.timeout(60):
            while await self.told.get() != f"{self.name} weighs":
                pass


async def test_the_real_model_chooses_within_the_offer_and_its_death_costs_nothing(bench: Bench) -> None:
    opened: list[Watched] = []

    async def watched(wanted: str, settings: CognitionSettings, tell: Tell) -> Model:
        weights = await asyncio.to_thread(default_weights, settings.weights_folder)
        opened.append(Watched(weights, tell))
        return opened[0]

    async with bench.running(Gemma([unit()], open_model=watched), gemma_deadline_s=60) as context:
        await bench.escalate()
        request = await bench.request()
        assert (context.state, context.detail) == (UnitState.READY, "gemma-3-270m-q4_k_m weighs")
        assert (request.rendered_by, request.event) == (Decider.MODEL, "calculate")
        assert request.suggested in {action.id for action in request.actions}

        [llama] = opened
        await llama.until_ready()
        await llama.asked.get()
        child = psutil.Process(llama.pid)
        child.suspend()  # it will be asked, and killed before it can answer
        await bench.escalate(seq=18)
        await llama.asked.get()
        child.kill()
        request = await bench.request(2)
        assert (request.rendered_by, request.suggested) == (Decider.RULES, "math.compute")
        assert (await bench.rejection("gemma")).reason == "the model child ended in the middle"

        await llama.until_ready()
        await bench.escalate(seq=19)
        assert (await bench.request(3)).rendered_by is Decider.MODEL
    assert await bench.count(REQUESTS) == 3


@pytest.mark.parametrize("package", ["function_gemma", "nyx"])
async def test_each_runs_as_a_process_and_drains_when_it_is_told(bench: Bench, package: str) -> None:
    name = "gemma" if package == "function_gemma" else "nyx"
    environment = {
        "NATS_URL": bench.server.url,
        "NIMMERVERSE_GEMMA_MODEL": "none",
        "NIMMERVERSE_NYX_MODEL": "none",
    }
    async with bench.bus.subscribe(f"dev.cognitive.{name}.heartbeat") as beats:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"cognition.{package}", env={**os.environ, **environment}, cwd=ROOT
        )
        async with asyncio.timeout(60):
            while (beat := Heartbeat.from_bytes((await anext(beats)).body)).state is not UnitState.READY:
                pass
        process.terminate()
        assert await process.wait() == EXIT_OK
    assert (beat.address, beat.detail) == (f"cognitive.{name}", "no model weighs: the settings say none")
