"""`nimmerverse watch`: what passes on the bus, decoded, as it passes."""

import base64
import json
from datetime import datetime
from typing import Any

from rich.text import Text

from console.command import say
from console.connection import open_bus, settings_of
from console.exits import CommandError, Exit
from console.options import Output, Where
from console.printing import message_line, stdout, write_json
from shared.v1.bus import Message
from shared.v1.bus_nats import NatsBus
from shared.v1.settings import redacted


async def watch(where: Where, pattern: str, count: int, output: Output) -> Exit:
    """Print messages on `pattern` (default: all of the environment) until `count` came, or Ctrl-C."""
    pattern = pattern or f"{where.env}.>"
    if not pattern.strip() or any(blank in pattern for blank in " \t\r\n") or "" in pattern.split("."):
        raise CommandError(f"{pattern!r} is no pattern: write for example {where.env}.nervous.>", Exit.USAGE)
    settings = settings_of(where)
    async with open_bus(where, "watch"):
        pass  # a server that is not there is an error now; one that goes away later is waited for
    bus = await NatsBus.connect(settings, name="nimmerverse watch")
    try:
        async with bus.subscribe(pattern) as messages:
            say(f"watching {pattern} on {redacted(settings.nats_url)}")
            seen = 0
            async for message in messages:
                _show(message, output)
                seen += 1
                if seen == count:
                    break
    finally:
        await bus.close()
    return Exit.OK


def _show(message: Message, output: Output) -> None:
    now = datetime.now().astimezone()
    if output is Output.JSON:
        write_json(_document(message, now))
    else:
        clock = f"{now:%H:%M:%S}.{now.microsecond // 1000:03} "
        stdout().print(Text.assemble((clock, "dim"), message_line(message.subject, message.body)))


def _document(message: Message, at: datetime) -> dict[str, Any]:
    document: dict[str, Any] = {
        "at": at.isoformat(timespec="milliseconds"),
        "subject": message.subject,
        "headers": dict(message.headers),
    }
    try:
        return document | {"body": json.loads(message.body, parse_constant=_no_json)}
    except (ValueError, RecursionError):
        return document | {"base64": base64.b64encode(message.body).decode()}


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
