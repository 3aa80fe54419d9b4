"""Appends decisions to DECISIONS exactly once, whatever happens to acknowledgements, processes and servers.

DECISIONS is a log with one writer. Decisions are appended in atomic batches of whole steps on the condition
that the log ends where this writer thinks it ends, so nobody else can have written in between. The newest
decision tells up to which input everything was said. Nothing depends on a dedupe window.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from shared.v1.bus import Outgoing, Stored
from shared.v1.errors import FencedError, NimmerverseError, TryAgainError
from shared.v1.messages.base import json_object
from shared.v1.runtime import Context
from shared.v1.streams import DECISIONS
from shared.v1.subjects import THALAMUS, decision
from thalamus.decisions import Decision

log = logging.getLogger(__name__)

BATCH = 200  # messages, of the thousand that a server takes
BACKLOG = 2_000  # steps that may wait for the server before folding waits too

WRITER_HEADER = "Nimmerverse-Writer"
"""Who appended a decision. Two thalami decide the same to the byte, so the body cannot tell."""

_RETRY_S = 0.2


class DeposedError(NimmerverseError):
    """Another thalamus writes to DECISIONS; this one must not go on."""


@dataclass(frozen=True, slots=True)
class _Step:
    seq: int
    messages: tuple[Outgoing, ...]


class DecisionWriter:
    """Holds what was decided until it is stored; while it follows, it only remembers what was not said yet.

    `said` is the input up to which all decisions are stored.
    """

    def __init__(self, context: Context) -> None:
        self.said = 0
        self.leads = False
        self._context = context
        self._end = 0  # of DECISIONS
        self._waiting: deque[_Step] = deque()
        self._changed = asyncio.Condition()

    async def look(self) -> None:
        """Read how far DECISIONS has come, and forget what it says already."""
        bus, subject = self._context.bus, THALAMUS.subject(self._context.env, ">")
        end = await self._context.surely(lambda: bus.last_seq(DECISIONS))
        newest = await self._context.surely(lambda: bus.last_on(DECISIONS, subject))
        self._end = end
        self.said = max(self.said, _input_seq(newest) if newest else 0)
        while self._waiting and self._waiting[0].seq <= self.said:
            self._waiting.popleft()

    async def lead(self) -> None:
        """Begin to write: first what nobody has said, then what comes."""
        await self.look()
        self.leads = True
        await self._notify()

    async def add(self, seq: int, decisions: Sequence[Decision]) -> None:
        """Take the decisions of a step. Waits while too many wait already."""
        if not decisions or seq <= self.said:
            return
        env, headers = self._context.env, {WRITER_HEADER: self._context.source}
        messages = tuple(
            Outgoing(subject=decision(env, made.region, made.kind), body=made.to_bytes(), headers=headers)
            for made in decisions
        )
        self._waiting.append(_Step(seq, messages))
        if not self.leads and len(self._waiting) >= BACKLOG:
            await self.look()
        async with self._changed:
            self._changed.notify_all()
            await self._changed.wait_for(lambda: not self.leads or len(self._waiting) < BACKLOG)

    async def flush(self) -> None:
        """Wait until everything that was decided is stored."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._waiting)

    async def run(self) -> None:
        """Write while leading: at once when idle, in batches when decisions come faster than answers.

        Raises DeposedError when somebody else has written.
        """
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self.leads and self._waiting)
            steps = self._next_batch()
            await self._store([message for step in steps for message in step.messages])
            self.said = steps[-1].seq
            for _ in steps:
                self._waiting.popleft()
            await self._notify()

    def _next_batch(self) -> list[_Step]:
        steps: list[_Step] = []
        size = 0
        for step in self._waiting:
            size += len(step.messages)
            if steps and size > BATCH:
                break
            steps.append(step)
        return steps

    async def _store(self, batch: Sequence[Outgoing]) -> None:
        bus = self._context.bus
        while True:
            try:
                self._end = await bus.append_all(batch, last=self._end)
                return
            except FencedError as error:
                if await self._is_stored(batch):
                    return
                raise DeposedError(
                    f"another thalamus writes to {DECISIONS}, so this one steps down ({error})"
                ) from None
            except TryAgainError as error:
                log.warning("decisions wait", extra={"action": "publish_retry", "reason": str(error)})
                if not await self._context.pause(_RETRY_S):
                    raise
                if await self._is_stored(batch):
                    return

    async def _is_stored(self, batch: Sequence[Outgoing]) -> bool:
        """True if an attempt whose acknowledgement was lost has succeeded after all."""
        bus = self._context.bus
        end = self._end + len(batch)
        stored = await self._context.surely(lambda: bus.get(DECISIONS, end))
        newest = await self._context.surely(lambda: bus.last_seq(DECISIONS))
        ours = batch[-1]
        if stored is None or newest != end or stored.body != ours.body:
            return False
        if stored.headers.get(WRITER_HEADER) != ours.headers[WRITER_HEADER]:
            return False
        self._end = end
        return True

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _input_seq(stored: Stored) -> int:
    value = json_object(stored.body).get("input_seq")
    if not isinstance(value, int):
        raise NimmerverseError(
            f"{stored.stream}:{stored.seq} on {stored.subject} is no decision (no input_seq): "
            "something else wrote to this stream; purge that message"
        )
    return value
