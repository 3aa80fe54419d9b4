"""Folds recorded inputs again, and holds what comes of it against what was recorded.

The same inputs from the same state give the same decisions, to the byte; `first_difference` finds out
whether that is so. Nothing here writes to a log.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from shared.v1.bus import Bus, Outgoing, Stored
from shared.v1.decode import decode
from shared.v1.errors import RefusedError
from shared.v1.messages.base import json_object
from shared.v1.streams import SENSES
from shared.v1.subjects import decision
from thalamus.decisions import Decision
from thalamus.fold import Input, State, step
from thalamus.history import Span, read_span
from thalamus.keeper import newest_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The state right before a range.

    `snapshot` is the position of the snapshot it came from, 0 if it was folded from nothing; `lost` counts the
    inputs before the range that SENSES no longer holds and no snapshot stands for.
    """

    state: State
    snapshot: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where the decisions of a replay part from the recorded ones; one of both is None if the other goes on."""

    place: int  # among the decisions of the range, from 1
    recorded: Stored | None
    replayed: Outgoing | None

    @property
    def fields(self) -> tuple[str, ...]:
        """What differs: `subject`, and names of fields of the body."""
        if self.recorded is None or self.replayed is None:
            return ()
        names = ["subject"] if self.recorded.subject != self.replayed.subject else []
        try:
            recorded, replayed = json_object(self.recorded.body), json_object(self.replayed.body)
        except RefusedError:
            return (*names, "body")
        differing = [name for name in {**recorded, **replayed} if recorded.get(name) != replayed.get(name)]
        if not differing and self.recorded.body != self.replayed.body:
            differing = ["body"]  # equal values, written differently
        return (*names, *differing)


def input_of(message: Stored) -> Input:
    """A stored message as the fold takes it. Raises RefusedError for what the thalamus refuses unread."""
    subject, body = decode(message)
    return Input(seq=message.seq, at_ms=message.at_ms, subject=subject, body=body)


def take(state: State, message: Stored) -> list[Decision]:
    """Fold one stored message as the running thalamus does: what is refused moves nothing but the position."""
    try:
        return step(state, input_of(message))
    except RefusedError:
        state.seq = message.seq
        return []


async def state_before(bus: Bus, span: Span) -> Beginning:
    """The state right before a range: from the newest sound snapshot there, else from nothing."""
    found = await newest_snapshot(bus, not_after=span.first - 1)
    state = State() if found is None else found.state
    snapshot = state.seq
    lost = max(0, min(span.oldest, span.first) - snapshot - 1)
    async for message in read_span(bus, SENSES, first=snapshot + 1, last=span.first - 1):
        take(state, message)
    return Beginning(state=state, snapshot=snapshot, lost=lost)


async def replayed(bus: Bus, state: State, span: Span) -> AsyncGenerator[tuple[Stored, list[Decision]]]:
    """Every input of a range with what it decides; `state` is that right before the range, and moves on."""
    async for message in read_span(bus, SENSES, first=span.first, last=span.last):
        yield message, take(state, message)


def outgoing(env: str, made: Decision) -> Outgoing:
    """A decision as it stands in DECISIONS."""
    return Outgoing(subject=decision(env, made.region, made.kind), body=made.to_bytes())


async def first_difference(
    recorded: AsyncIterator[Stored], replayed: AsyncIterator[Outgoing]
) -> tuple[int, Difference | None]:
    """Compare two runs of decisions byte by byte; return how many agree, and where they part."""
    place = 0
    while True:
        kept, made = await anext(recorded, None), await anext(replayed, None)
        if kept is None and made is None:
            return place, None
        same = kept is not None and made is not None and (kept.subject, kept.body) == (made.subject, made.body)
        if not same:
            return place, Difference(place=place + 1, recorded=kept, replayed=made)
        place += 1
