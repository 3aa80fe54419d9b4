"""Ranges of the logs: from positions or times to the messages between them, and no further.

Reading a log for ever is the business of the bus; here reading ends where the range ends.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from shared.v1.bus import Bus, Stored
from shared.v1.errors import NimmerverseError
from shared.v1.messages.base import json_object
from shared.v1.streams import DECISIONS, SENSES
from shared.v1.subjects import THALAMUS


@dataclass(frozen=True, slots=True)
class Time:
    """A receive time of a log, UTC milliseconds."""

    ms: int


Place = int | Time
"""Where a range begins or ends: a position in SENSES, or a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Inputs from position `first` to `last`, both included; none if `last` < `first`.

    `oldest` is the oldest input that SENSES still holds, 0 if it holds none.
    """

    first: int
    last: int
    oldest: int


async def span_of(bus: Bus, env: str, since: Place | None, until: Place | None) -> Span:
    """The part of SENSES between two places; without them from its beginning, or to its end."""
    oldest = await bus.next_on(SENSES, f"{env}.>")
    newest = await bus.last_on(SENSES, f"{env}.>")
    if oldest is None or newest is None:
        return Span(first=1, last=0, oldest=0)
    first, last = oldest.seq, newest.seq
    match since:
        case Time(ms):
            found = await bus.next_on(SENSES, f"{env}.>", since_ms=ms)
            first = found.seq if found else newest.seq + 1
        case int():
            first = min(max(since, oldest.seq), newest.seq + 1)
    match until:
        case Time(ms):
            found = await bus.next_on(SENSES, f"{env}.>", since_ms=ms + 1)
            last = found.seq - 1 if found else newest.seq
        case int():
            last = min(until, newest.seq)
    return Span(first=first, last=last, oldest=oldest.seq)


async def read_span(
    bus: Bus, stream: str, *, first: int, last: int, filters: Sequence[str] = ()
) -> AsyncGenerator[Stored]:
    """The messages of a stream from `first` to `last`. Waits for ever if none at or after `last` exists."""
    if last < first:
        return
    messages = bus.read(stream, after=first - 1, filters=filters)
    try:
        async for message in messages:
            if message.seq <= last:
                yield message
            if message.seq >= last:
                return
    finally:
        if isinstance(messages, AsyncGenerator):
            await messages.aclose()


async def decisions_between(bus: Bus, env: str, span: Span) -> AsyncGenerator[Stored]:
    """The recorded decisions that the inputs of a range caused, in the order of DECISIONS."""
    first = await _first_caused(bus, env, span.first)
    last = await _first_caused(bus, env, span.last + 1) - 1
    async for message in read_span(bus, DECISIONS, first=first, last=last):
        yield message


async def _first_caused(bus: Bus, env: str, seq: int) -> int:
    """The position in DECISIONS of the first decision that an input at or after `seq` caused.

    DECISIONS is in order of its causes, so halving the range finds it with few questions.
    """
    pattern = THALAMUS.subject(env, ">")
    low, high = 1, await bus.last_seq(DECISIONS) + 1
    while low < high:
        middle = (low + high) // 2
        found = await bus.next_on(DECISIONS, pattern, since=middle)
        if found is None or cause_of(found) >= seq:
            high = middle
        else:
            low = found.seq + 1
    return low


def cause_of(decision: Stored) -> int:
    """The position in SENSES of the input that caused a recorded decision. Raises NimmerverseError."""
    value = json_object(decision.body).get("input_seq")
    if not isinstance(value, int):
        raise NimmerverseError(
            f"{decision.stream}:{decision.seq} on {decision.subject} is no decision (no input_seq): "
            "something else wrote to this stream"
        )
    return value
