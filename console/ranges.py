"""Which part of the past a person means: positions, times, or so long ago; and in which garden."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from console.command import say
from console.exits import CommandError, Exit
from shared.v1.bus import Bus
from shared.v1.errors import RefusedError
from shared.v1.messages import RuleChange
from thalamus.fold import milliseconds
from thalamus.history import Place, Span, Time, span_of
from thalamus.replay import Beginning

_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGO = re.compile(r"-((?:\d+(?:ms|s|m|h|d))+)")
_PART = re.compile(r"(\d+)(ms|s|m|h|d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was said on the command line about a range; empty is the beginning, the end, all gardens."""

    since: str = ""
    until: str = ""
    garden: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The same, understood. `garden` is empty for all."""

    since: Place | None = None
    until: Place | None = None
    garden: str = ""


def range_of(wanted: Wanted) -> Range:
    """Understand what was said. Raises CommandError for what means nothing."""
    now_ms = time.time_ns() // 1_000_000
    return Range(
        since=place_of(wanted.since, now_ms),
        until=place_of(wanted.until, now_ms),
        garden=garden_of(wanted.garden),
    )


def place_of(text: str, now_ms: int) -> Place | None:
    """`1234` is a position in SENSES, `2026-01-31T12:00:00Z` a time, `-1h30m` so long ago, empty is None.

    A time without a zone is UTC, as all times that we print. Raises CommandError for anything else.
    """
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    ago = _AGO.fullmatch(text)
    if ago:
        return Time(now_ms - sum(int(count) * _UNIT_MS[unit] for count, unit in _PART.findall(ago[1])))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"{text!r} is neither a position in SENSES (1234), nor a time (2026-01-31T12:00:00Z), "
            "nor a time ago (-1h30m)",
            Exit.USAGE,
        ) from None
    return Time(milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC)))


def garden_of(text: str) -> str:
    """The garden that was named; empty for none. Raises CommandError if it is no garden."""
    try:
        return RuleChange.from_fields({"garden": text or None}).garden or ""
    except RefusedError as error:
        raise CommandError(error.reason, Exit.USAGE) from None


async def span_in(bus: Bus, env: str, asked: Range) -> Span:
    """The inputs that were asked for. Raises CommandError if there are none."""
    span = await span_of(bus, env, asked.since, asked.until)
    if span.last < span.first:
        held = f"the oldest it holds is {span.oldest}" if span.oldest else "it holds none"
        raise CommandError(f"SENSES has no input in this range ({held})", Exit.NOT_MET)
    return span


def say_what_is_lost(beginning: Beginning) -> None:
    """Tell that a state may not be what it was, if inputs before it are gone."""
    if beginning.lost:
        say(
            f"the {beginning.lost} inputs before SENSES:{beginning.lost + beginning.snapshot + 1} are gone and "
            "no snapshot stands for them: gates begin without their past"
        )
