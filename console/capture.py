"""`nimmerverse record` and `nimmerverse play`: a part of SENSES as a file, and its waves said again."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

from console.again import say_again
from console.command import say, write
from console.connection import open_bus
from console.exits import CommandError, Exit
from console.options import Output, Speed, Where
from console.printing import write_json
from console.ranges import Wanted, garden_of, range_of, span_in
from shared.v1.bus import Stored
from shared.v1.decode import decode
from shared.v1.errors import RefusedError
from shared.v1.messages import VerificationOutcome, WaveSignal
from shared.v1.streams import SENSES
from shared.v1.subjects import SubjectError, token_of
from thalamus import capture
from thalamus.history import read_span


async def record(where: Where, file: Path, wanted: Wanted, output: Output) -> Exit:
    """Write the inputs of a range to a file; of a garden only its waves and outcomes, all rules and ticks."""
    asked = range_of(wanted)
    path = file if file.name.endswith(capture.SUFFIX) else file.with_name(file.name + capture.SUFFIX)
    async with open_bus(where, "record") as bus:
        span = await span_in(bus, where.env, asked)
        header = capture.Header(
            env=where.env, stream=SENSES, first=span.first, last=span.last, created=datetime.now(UTC)
        )
        async with aclosing(read_span(bus, SENSES, first=span.first, last=span.last)) as messages:
            count = await capture.write(
                path, header, _of_garden(messages, asked.garden) if asked.garden else messages
            )
    if output is Output.JSON:
        write_json({"file": str(path), "first": span.first, "last": span.last, "messages": count})
    else:
        write(f"{count} messages of {SENSES}:{span.first} to {span.last} in {path}")
    return Exit.OK


async def play(where: Where, file: Path, wanted: Wanted, target: str, speed: Speed, output: Output) -> Exit:
    """Publish the waves of a file again, by default in a virtual garden that is named after it."""
    garden = garden_of(wanted.garden) or "real"
    target = garden_of(target or _default_garden(file))
    header, count = capture.check(file)  # before a single wave of a file that is not whole is published
    say(f"{file}: {count} messages of {header.env}, {header.stream}:{header.first} to {header.last}")
    async with open_bus(where, "play") as bus:
        messages = capture.messages(file)
        return await say_again(bus, where.env, messages, garden, target, speed, output)


def _default_garden(file: Path) -> str:
    stem = file.name.removesuffix(capture.SUFFIX)
    try:
        return f"virtual.{token_of(stem)}"
    except SubjectError:
        raise CommandError(f"the name {stem!r} gives no garden: say --as virtual.RUN", Exit.USAGE) from None


async def _of_garden(messages: AsyncGenerator[Stored], garden: str) -> AsyncGenerator[Stored]:
    async for message in messages:
        try:
            _, body = decode(message)
        except RefusedError:
            continue  # nobody can say to which garden it belongs
        if not isinstance(body, WaveSignal | VerificationOutcome) or body.garden == garden:
            yield message
