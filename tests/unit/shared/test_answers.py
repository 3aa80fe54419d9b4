"""One answer per question: at every point at which a process can be killed or a message can get lost."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace

import pytest

from shared.v1 import answers as answers_module
from shared.v1.answers import QUESTION_HEADER, AnswerLog, Follow, Think, answer_each
from shared.v1.bus import NO_HEADERS, Stored
from shared.v1.bus_memory import MemoryBus
from shared.v1.errors import FencedError, RefusedError, TryAgainError
from shared.v1.manifest import Manifest
from shared.v1.messages import DeadLetter
from shared.v1.runtime import Context
from shared.v1.settings import Settings
from shared.v1.streams import COGNITION, DEAD, nyx_consumer, streams_of

QUESTION = "dev.cognitive.nyx.request"
ANSWER = "dev.cognitive.nyx.response"
QUESTIONS = replace(nyx_consumer("dev"), max_deliver=3)
MANIFEST = Manifest(
    name="nyx", version="1.0.0", kind="service", description="", domain="cognitive", service="nyx"
)


class FaultyBus(MemoryBus):
    """A bus that fails once where a test says so: the hooks are called before and after the real thing."""

    def __init__(self) -> None:
        super().__init__(clock=self._tick)
        self._now = 1_000_000
        self.before_append: list[Callable[[], object]] = []
        self.after_append: list[Callable[[], object]] = []
        self.before_next: list[Callable[[], object]] = []

    def _tick(self) -> int:
        self._now += 1000
        return self._now

    async def append(
        self,
        subject: str,
        body: bytes,
        *,
        message_id: str = "",
        headers: Mapping[str, str] = NO_HEADERS,
        last_on_subject: int | None = None,
    ) -> int:
        if last_on_subject is not None and self.before_append:
            self.before_append.pop()()
        seq = await super().append(
            subject, body, message_id=message_id, headers=headers, last_on_subject=last_on_subject
        )
        if last_on_subject is not None and self.after_append:
            self.after_append.pop()()
        return seq

    async def next_on(
        self, stream: str, subject: str, *, since: int = 1, since_ms: int | None = None
    ) -> Stored | None:
        if self.before_next:
            self.before_next.pop()()
        return await super().next_on(stream, subject, since=since, since_ms=since_ms)

    def answer(self, question: int, body: bytes) -> None:
        """What another process of ours appends at this very moment."""
        stream = self._stream_of(ANSWER)
        assert stream is not None
        headers = {QUESTION_HEADER: f"{COGNITION}:{question}"}
        stream.log.append(
            Stored(
                subject=ANSWER,
                body=body,
                headers=headers,
                stream=COGNITION,
                seq=len(stream.log) + 1,
                at_ms=self._tick(),
            )
        )


def lose() -> None:
    raise TryAgainError("the server did not answer")


class Mind:
    """Runs `answer_each` until a number of answers has been followed up, or for ever."""

    def __init__(self, bus: FaultyBus) -> None:
        self.bus = bus
        self.context = Context(MANIFEST, Settings(instance="a"), bus)
        self.thought: list[bytes] = []
        self.followed: list[tuple[bytes, bytes]] = []
        self.think: Think = self._think
        self.follow: Follow | None = self._follow
        self.until_followed = 1

    async def _think(self, question: Stored) -> bytes:
        self.thought.append(question.body)
        return b"answer to " + question.body

    async def _follow(self, question: Stored, answer: Stored) -> None:
        self.followed.append((question.body, answer.body))
        if len(self.followed) == self.until_followed:
            await self.bus.stop_reading()

    async def run(self) -> None:
        async with asyncio.timeout(10):
            log = AnswerLog(self.bus, COGNITION, ANSWER)
            await answer_each(self.context, QUESTIONS, log, self.think, self.follow)

    def done(self) -> set[int]:
        """Positions of the questions that will not be delivered again."""
        return self.bus._streams[COGNITION].places[QUESTIONS.name].done

    async def answers(self) -> list[tuple[str, bytes]]:
        """Which question, and the body, of every answer that is kept."""
        kept = [await self.bus.get(COGNITION, seq + 1) for seq in range(await self.bus.last_seq(COGNITION))]
        return [
            (message.headers[QUESTION_HEADER], message.body)
            for message in kept
            if message is not None and message.subject == ANSWER
        ]

    async def letters(self) -> list[DeadLetter]:
        kept = [await self.bus.get(DEAD, seq + 1) for seq in range(await self.bus.last_seq(DEAD))]
        return [DeadLetter.from_bytes(message.body) for message in kept if message is not None]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is delivered again comes again at once."""
    monkeypatch.setattr(answers_module, "_RETRY_S", 0.0)


@pytest.fixture
async def mind() -> AsyncIterator[Mind]:
    bus = FaultyBus()
    await bus.apply(streams_of("dev"))
    yield Mind(bus)
    await bus.close()


async def test_every_question_is_answered_once_and_followed_up(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")
    await mind.bus.append(QUESTION, b"b")
    mind.until_followed = 2
    await mind.run()
    assert await mind.answers() == [("COGNITION:1", b"answer to a"), ("COGNITION:2", b"answer to b")]
    assert mind.followed == [(b"a", b"answer to a"), (b"b", b"answer to b")]
    assert mind.done() == {1, 2}


async def test_without_anything_to_follow_the_answer_is_all(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")
    mind.follow = None

    async def think(_: Stored) -> bytes:
        await mind.bus.stop_reading()
        return b"yes"

    mind.think = think
    await mind.run()
    assert await mind.answers() == [("COGNITION:1", b"yes")]


async def test_a_question_that_was_answered_before_the_crash_is_not_thought_about_again(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")
    mind.bus.answer(1, b"from before")
    await mind.run()
    assert mind.thought == []
    assert mind.followed == [(b"a", b"from before")]
    assert await mind.answers() == [("COGNITION:1", b"from before")]


async def test_a_crash_while_following_up_repeats_only_the_following_up(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")

    async def die(question: Stored, answer: Stored) -> None:
        mind.follow = mind._follow
        raise asyncio.CancelledError

    mind.follow = die
    with pytest.raises(asyncio.CancelledError):
        await mind.run()
    place = mind.bus._streams[COGNITION].places[QUESTIONS.name]
    place.held.clear()  # the server's patience with the dead process is over
    await mind.run()
    assert mind.thought == [b"a"]
    assert mind.followed == [(b"a", b"answer to a")]
    assert len(await mind.answers()) == 1


async def test_an_answer_whose_acknowledgement_is_lost_is_found_and_not_repeated(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")
    mind.bus.after_append.append(lose)
    await mind.run()
    assert mind.thought == [b"a"]
    assert await mind.answers() == [("COGNITION:1", b"answer to a")]


async def test_an_answer_that_is_lost_itself_is_appended_again_without_thinking_again(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")
    mind.bus.before_append += [lose, lose]
    await mind.run()
    assert mind.thought == [b"a"]
    assert await mind.answers() == [("COGNITION:1", b"answer to a")]


async def test_the_answer_of_another_process_that_was_faster_stands(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")
    mind.bus.before_append.append(lambda: mind.bus.answer(1, b"faster"))
    await mind.run()
    assert await mind.answers() == [("COGNITION:1", b"faster")]
    assert mind.followed == [(b"a", b"faster")]


async def test_an_answer_to_something_else_only_delays_ours(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")
    mind.bus.before_append.append(lambda: mind.bus.answer(99, b"something else"))
    await mind.run()
    assert mind.thought == [b"a"]
    assert await mind.answers() == [("COGNITION:99", b"something else"), ("COGNITION:1", b"answer to a")]


async def test_a_look_that_fails_half_way_hides_no_answer(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")
    mind.bus.answer(1, b"from before")
    mind.bus.before_next.append(lose)
    await mind.run()
    assert mind.thought == []
    assert mind.followed == [(b"a", b"from before")]


async def test_a_question_older_than_the_first_look_finds_its_answer(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"old")
    mind.bus.answer(1, b"old answer")
    for _ in range(100):  # more than the skew that clocks are granted
        mind.bus._tick()
    await mind.bus.append(QUESTION, b"new")
    log = AnswerLog(mind.bus, COGNITION, ANSWER)
    old, new = await mind.bus.get(COGNITION, 1), await mind.bus.get(COGNITION, 3)
    assert old is not None
    assert new is not None
    assert await log.find(new) is None
    found = await log.find(old)
    assert found is not None
    assert found.body == b"old answer"


async def test_whoever_looked_too_long_ago_is_fenced(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")
    question = await mind.bus.get(COGNITION, 1)
    assert question is not None
    log = AnswerLog(mind.bus, COGNITION, ANSWER)
    assert await log.find(question) is None
    mind.bus.answer(1, b"faster")
    with pytest.raises(FencedError):
        await log.append(question, b"slower")
    found = await log.find(question)
    assert found is not None
    assert found.body == b"faster"


async def test_a_refused_question_goes_to_the_dead_letters_and_the_next_is_answered(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"nonsense")
    await mind.bus.append(QUESTION, b"sense")

    async def think(question: Stored) -> bytes:
        if question.body == b"nonsense":
            raise RefusedError("ask something else")
        return b"yes"

    mind.think = think
    await mind.run()
    assert await mind.answers() == [("COGNITION:2", b"yes")]
    [letter] = await mind.letters()
    assert (letter.id, letter.reason, letter.body) == ("COGNITION:1", "ask something else", "nonsense")
    assert letter.refused_by == "nyx/1.0.0/a"


async def test_a_question_that_fails_comes_again_and_is_answered_in_the_end(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")
    failures = [ValueError("out of memory"), TryAgainError("the model is away")]

    async def think(question: Stored) -> bytes:
        if failures:
            raise failures.pop()
        return b"yes"

    mind.think = think
    await mind.run()
    assert await mind.answers() == [("COGNITION:1", b"yes")]
    assert mind.context.errors == 1  # absence is no error
    assert await mind.letters() == []


@pytest.mark.parametrize("error", [ValueError("out of memory"), TryAgainError("the model is away")])
async def test_the_last_attempt_that_fails_is_buried_and_not_lost(mind: Mind, error: Exception) -> None:
    await mind.bus.append(QUESTION, b"a")
    await mind.bus.append(QUESTION, b"b")

    async def think(question: Stored) -> bytes:
        mind.thought.append(question.body)
        if question.body == b"a":
            raise error
        return b"yes"

    mind.think = think
    await mind.run()
    assert mind.thought == [b"a", b"a", b"a", b"b"]
    [letter] = await mind.letters()
    assert letter.reason == f"3 attempts failed, the last with {error!r}"
    assert letter.body == "a"
    assert await mind.answers() == [("COGNITION:2", b"yes")]


async def test_an_answer_that_cannot_be_followed_up_is_buried_too(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")

    async def follow(question: Stored, answer: Stored) -> None:
        await mind.bus.stop_reading()
        raise RefusedError("the cell said no")

    mind.follow = follow
    await mind.run()
    assert len(await mind.answers()) == 1
    assert [letter.reason for letter in await mind.letters()] == ["the cell said no"]


async def test_a_process_that_drains_while_it_cannot_bury_leaves_the_question_where_it_is(mind: Mind) -> None:
    await mind.bus.append(QUESTION, b"a")

    async def think(_: Stored) -> bytes:
        mind.context.draining.set()
        await mind.bus.stop_reading()
        mind.bus.before_append.append(lose)
        raise RefusedError("nonsense")

    mind.think = think
    await mind.run()
    assert await mind.letters() == []
    assert mind.done() == set()


async def test_a_long_thought_tells_the_server_that_it_goes_on(
    mind: Mind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers_module, "_WORKING_S", 0.0)
    await mind.bus.append(QUESTION, b"a")
    told = asyncio.Event()
    async with aclosing(mind.bus.consume(QUESTIONS)) as deliveries:  # type: ignore[type-var]
        delivery = await anext(deliveries)

        async def working() -> None:
            told.set()
            raise TryAgainError("nobody hears it")  # which is no reason to stop thinking

        monkeypatch.setattr(type(delivery), "working", lambda _: working())
        async with asyncio.timeout(10), answers_module._working(delivery):
            await told.wait()
