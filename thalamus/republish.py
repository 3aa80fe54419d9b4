"""Recorded waves said again in another garden, each at its own garden's time.

Only waves are said again. Ticks do not move simulated time, outcomes name openings of the garden they were
about, and rule changes would hold for everybody: whoever wants rules for the new garden says so before.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from shared.v1.bus import Bus, Outgoing, Stored
from shared.v1.decode import decode
from shared.v1.errors import RefusedError
from shared.v1.messages import WaveSignal
from thalamus.decisions import time_of

REAL = "real"


@dataclass(frozen=True, slots=True, kw_only=True)
class Casting:
    """Which recorded waves are said again, and where."""

    env: str
    garden: str  # whose waves; empty: those of all gardens
    target: str  # the garden that hears them


@dataclass(slots=True)
class Pace:
    """When a wave of a garden's time is due. `speed` times the recorded speed; 0 is as fast as can be."""

    speed: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _began: tuple[datetime, float] | None = None

    async def wait(self, at: datetime) -> None:
        """Wait until the time `at` of the recording has come."""
        if not self.speed:
            return
        if self._began is None:
            self._began = at, self.clock()
        first, started = self._began
        due = started + (at - first).total_seconds() / self.speed
        await self.sleep(max(0.0, due - self.clock()))


def cast(message: Stored, casting: Casting) -> tuple[datetime, Outgoing] | None:
    """A recorded wave as it is said again, with its garden's time; None for everything else.

    The unit that spoke stays in the subject, and the id stays too, so that evidence names the original. In
    the real garden it does not, because there the original itself may still be heard.
    """
    try:
        subject, wave = decode(message)
    except RefusedError:
        return None
    if not isinstance(wave, WaveSignal) or casting.garden not in ("", wave.garden):
        return None
    observed = wave.observed_at if wave.garden != REAL and wave.observed_at is not None else None
    at = observed or time_of(message.at_ms)
    said = wave.model_copy(update={"garden": casting.target, "observed_at": at})
    body = said.to_bytes()
    if casting.target == REAL:
        body = said.model_dump_json(by_alias=True, exclude={"id"}).encode()
    return at, Outgoing(subject=subject.address.subject(casting.env, "wave"), body=body)


async def republish(bus: Bus, messages: AsyncIterator[Stored], casting: Casting, pace: Pace) -> int:
    """Append the waves among `messages` in their order; return how many."""
    count = 0
    async for message in messages:
        made = cast(message, casting)
        if made is not None:
            at, outgoing = made
            await pace.wait(at)
            await bus.append(outgoing.subject, outgoing.body)
            count += 1
    return count
