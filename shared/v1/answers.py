"""One answer per question, whatever crashes: the read-process-write step of cognition.

Questions come from a durable consumer, so they may come twice; answers are appended to a subject on the
condition that nobody else has appended since we looked, so they cannot. What was already answered is read
from the answers themselves, not from anybody's memory, acknowledgement or dedupe window.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from shared.v1 import dead
from shared.v1.bus import Bus, Delivery, Stored
from shared.v1.errors import FencedError, RefusedError, TryAgainError
from shared.v1.runtime import Context
from shared.v1.streams import ConsumerSpec

log = logging.getLogger(__name__)

QUESTION_HEADER = "Nimmerverse-Answers"
"""Stream and sequence of the question that a message answers: DECISIONS:17."""

_WORKING_S = 1.0
_RETRY_S = 0.5
_REMEMBERED = 4096
_CLOCK_SKEW_MS = 60_000  # between the leaders of two streams of a cluster

Think = Callable[[Stored], Awaitable[bytes]]
"""From a question to the body of its answer. RefusedError sends the question to DEAD."""

Follow = Callable[[Stored, Stored], Awaitable[None]]
"""What follows from question and answer. It may run again for the same pair, so it must be repeatable."""


class AnswerLog:
    """The answers on one subject: which questions they answer, and how to append one more."""

    def __init__(self, bus: Bus, stream: str, subject: str) -> None:
        self._bus = bus
        self._stream = stream
        self._subject = subject
        self._answers: OrderedDict[str, Stored] = OrderedDict()
        self._last = 0  # position of the newest answer that was seen
        self._since_ms: int | None = None

    async def find(self, question: Stored) -> Stored | None:
        """The answer to a question, None if there is none yet.

        An answer is stored after its question, so the first look begins at the time of the question;
        later looks read only what was appended since.
        """
        if self._since_ms is None or question.at_ms < self._since_ms:
            await self._look_from(question.at_ms)
        while (newer := await self._bus.next_on(self._stream, self._subject, since=self._last + 1)) is not None:
            self._remember(newer)
        return self._answers.get(_name(question))

    async def _look_from(self, at_ms: int) -> None:
        newest = await self._bus.last_on(self._stream, self._subject)
        first = await self._bus.next_on(self._stream, self._subject, since_ms=at_ms - _CLOCK_SKEW_MS)
        # Only now, because either look may fail, and half of this knowledge would hide answers.
        self._since_ms = at_ms
        self._last = newest.seq if newest else 0
        if first is not None:
            self._remember(first)

    def _remember(self, answer: Stored) -> None:
        self._last = answer.seq
        question = answer.headers.get(QUESTION_HEADER)
        if question:
            self._answers.setdefault(question, answer)
            if len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)

    async def append(self, question: Stored, body: bytes) -> None:
        """Append the answer to a question that `find` did not find.

        Raises FencedError if somebody appended since, or if what was newest is gone: look again.
        """
        try:
            await self._bus.append(
                self._subject, body, headers={QUESTION_HEADER: _name(question)}, last_on_subject=self._last
            )
        except FencedError:
            self._since_ms = None  # from the beginning: messages age out, and people purge streams
            raise


async def answer_each(
    context: Context, questions: ConsumerSpec, answers: AnswerLog, think: Think, follow: Follow | None = None
) -> None:
    """Answer every question once, until the process drains; then do what follows from the answer."""
    async for delivery in context.bus.consume(questions):
        question = delivery.message
        try:
            async with _working(delivery):
                answer = await _answer(context, question, answers, think)
                if follow is not None:
                    await follow(question, answer)
            await delivery.ack()
        except RefusedError as refusal:
            await _give_up(context, delivery, refusal.reason)
        except TryAgainError as error:
            log.info("later", extra={"action": "retry", "question": _name(question), "reason": str(error)})
            await _again(context, delivery, error)
        except Exception as error:
            context.failed("a question failed", error)
            await _again(context, delivery, error)


async def _answer(context: Context, question: Stored, answers: AnswerLog, think: Think) -> Stored:
    while True:
        found = await context.surely(lambda: answers.find(question))
        if found is not None:
            return found
        body = await think(question)
        while await context.surely(lambda: answers.find(question)) is None:
            # If the acknowledgement is lost, the next look finds whether the answer was stored.
            with contextlib.suppress(FencedError, TryAgainError):
                await answers.append(question, body)


async def _again(context: Context, delivery: Delivery, error: Exception) -> None:
    """Have the question delivered again; where the server will not do that, it must not get lost."""
    if delivery.is_last_attempt:
        await _give_up(context, delivery, f"{delivery.attempt} attempts failed, the last with {error!r}")
        return
    with contextlib.suppress(TryAgainError):
        await delivery.retry(_RETRY_S)


async def _give_up(context: Context, delivery: Delivery, reason: str) -> None:
    message = delivery.message
    log.warning("refused", extra={"action": "dead", "question": _name(message), "reason": reason})
    with contextlib.suppress(TryAgainError):  # only when the process drains: the question comes again
        await context.surely(lambda: dead.bury(context.bus, context.env, message, reason, by=context.source))
        await delivery.refuse()


@asynccontextmanager
async def _working(delivery: Delivery) -> AsyncIterator[None]:
    """Tell the server every second that the work goes on."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(_WORKING_S)
            with contextlib.suppress(TryAgainError):
                await delivery.working()

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()


def _name(message: Stored) -> str:
    return f"{message.stream}:{message.seq}"
