"""`nimmerverse replay`: fold a recorded range again; show it, check it, or say it again in another garden."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from rich.text import Text

from console.again import say_again
from console.command import say, write
from console.connection import open_bus
from console.essence import without_controls
from console.exits import CommandError, Exit
from console.options import Output, Speed, Where
from console.printing import message_line, stdout, write_json
from console.ranges import Wanted, garden_of, range_of, say_what_is_lost, span_in
from shared.v1.bus import Bus, Outgoing, Stored
from shared.v1.messages.base import json_object
from shared.v1.streams import DECISIONS, SENSES
from thalamus.decisions import Decision
from thalamus.fold import State
from thalamus.history import Span, decisions_between, read_span
from thalamus.replay import Difference, first_difference, outgoing, replayed, state_before
from thalamus.republish import REAL

_ATTEMPTS = 3
_PATIENCE_S = 0.5


async def replay(where: Where, wanted: Wanted, output: Output) -> Exit:
    """Print what the inputs of a range decide."""
    asked = range_of(wanted)
    started, inputs, decided = time.perf_counter(), 0, 0
    async with open_bus(where, "replay") as bus:
        span = await span_in(bus, where.env, asked)
        beginning = await state_before(bus, span)
        say_what_is_lost(beginning)
        async with aclosing(replayed(bus, beginning.state, span)) as steps:
            async for _, decisions in steps:
                inputs += 1
                for made in decisions:
                    if asked.garden in ("", made.body.garden):
                        decided += 1
                        _show(where.env, made, output)
    took = time.perf_counter() - started
    say(f"{decided} decisions of {inputs} inputs, {SENSES}:{span.first} to {span.last}, in {took:.1f} s")
    return Exit.OK


async def check(where: Where, wanted: Wanted, output: Output) -> Exit:
    """Compare what a range decides with DECISIONS, byte by byte; OK only if all is identical."""
    asked = range_of(wanted)
    async with open_bus(where, "replay") as bus:
        span = await span_in(bus, where.env, asked)
        for _ in range(_ATTEMPTS):
            end = await bus.last_seq(DECISIONS)
            same, difference = await _compare(bus, where.env, span, asked.garden)
            if difference is None or difference.recorded is not None:
                break
            await asyncio.sleep(_PATIENCE_S)  # a thalamus that runs may be about to store what is missing
            if await bus.last_seq(DECISIONS) == end:
                break
    if output is Output.JSON:
        write_json(
            {
                "identical": difference is None,
                "first": span.first,
                "last": span.last,
                "decisions": same,
                "difference": _document(difference) if difference else None,
            }
        )
    elif difference is None:
        write(f"identical: {same} decisions of {SENSES}:{span.first} to {span.last}, byte by byte")
    else:
        _tell(difference)
    return Exit.OK if difference is None else Exit.NOT_MET


async def replay_as(where: Where, wanted: Wanted, target: str, speed: Speed, output: Output) -> Exit:
    """Publish the waves of a range again in a virtual garden."""
    target, asked = garden_of(target), range_of(wanted)
    if not target.startswith("virtual"):
        raise CommandError(
            f"--as {target} is not possible: what was real is said again in virtual.RUN only", Exit.USAGE
        )
    garden = asked.garden or REAL
    if garden == target:
        raise CommandError(f"--as {target} is the garden that is replayed: choose another", Exit.USAGE)
    async with open_bus(where, "replay") as bus:
        span = await span_in(bus, where.env, asked)
        messages = read_span(bus, SENSES, first=span.first, last=span.last)
        async with aclosing(messages):
            return await say_again(bus, where.env, messages, garden, target, speed, output)


def _show(env: str, made: Decision, output: Output) -> None:
    message = outgoing(env, made)
    if output is Output.JSON:
        write_json({"subject": message.subject, "body": json_object(message.body)})
    else:
        at = f"{made.body.at:%Y-%m-%dT%H:%M:%S}.{made.body.at.microsecond // 1000:03}Z"
        head = Text(f"{SENSES}:{made.body.input_seq:<8} {at}  ", style="dim")
        stdout().print(Text.assemble(head, message_line(message.subject, message.body)))


async def _compare(bus: Bus, env: str, span: Span, garden: str) -> tuple[int, Difference | None]:
    beginning = await state_before(bus, span)
    say_what_is_lost(beginning)
    recorded = _recorded(bus, env, span, garden)
    folded = _folded(bus, env, span, garden, beginning.state)
    async with aclosing(recorded), aclosing(folded):
        return await first_difference(recorded, folded)


async def _recorded(bus: Bus, env: str, span: Span, garden: str) -> AsyncGenerator[Stored]:
    async with aclosing(decisions_between(bus, env, span)) as decisions:
        async for message in decisions:
            if not garden or json_object(message.body).get("garden") == garden:
                yield message


async def _folded(bus: Bus, env: str, span: Span, garden: str, state: State) -> AsyncGenerator[Outgoing]:
    async with aclosing(replayed(bus, state, span)) as steps:
        async for _, decisions in steps:
            for made in decisions:
                if garden in ("", made.body.garden):
                    yield outgoing(env, made)


def _document(difference: Difference) -> dict[str, Any]:
    return {
        "place": difference.place,
        "fields": list(difference.fields),
        "recorded": _side(difference.recorded),
        "replayed": _side(difference.replayed),
    }


def _side(message: Stored | Outgoing | None) -> dict[str, Any] | None:
    if message is None:
        return None
    where = {"stream": message.stream, "seq": message.seq} if isinstance(message, Stored) else {}
    return {**where, "subject": message.subject, "body": message.body.decode(errors="replace")}


def _tell(difference: Difference) -> None:
    write(f"different from decision {difference.place} of the range on")
    if difference.fields:
        write(f"what differs: {', '.join(difference.fields)}")
    for name, message in (("recorded", difference.recorded), ("replayed", difference.replayed)):
        if message is None:
            write(f"{name}: nothing more")
            continue
        place = f" {message.stream}:{message.seq}" if isinstance(message, Stored) else ""
        write(f"{name}:{place} {message.subject}")
        write(f"  {without_controls(message.body.decode(errors='replace'))}")
    if difference.recorded is None:
        say("is the thalamus still behind? `nimmerverse gates` tells the input that it has folded")
