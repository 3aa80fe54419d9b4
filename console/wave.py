"""`nimmerverse wave`: one wave by hand, checked before it is published by what will check it afterwards."""

import json
from collections.abc import Mapping
from typing import Any

from console.command import write
from console.connection import open_bus
from console.exits import CommandError, Exit
from console.options import Output, Where
from console.printing import write_json
from shared.v1.bus import Stored
from shared.v1.decode import decode_wave
from shared.v1.errors import RefusedError
from shared.v1.streams import SENSES
from shared.v1.subjects import Address, Kind, is_token


def wave_subject(env: str, service: str) -> str:
    """Where a service's waves go: `math`, `cells/math`, `nerves/exploration`, `organs/vision`.

    Raises CommandError with what to write.
    """
    kind, _, name = service.rpartition("/")
    if not is_token(name) or kind not in ("", "cells", "nerves", "organs"):
        raise CommandError(
            f"{service!r} is no service: write the name of a cell, nerves/NAME or organs/NAME, "
            "in a-z, 0-9, _ and -",
            Exit.USAGE,
        )
    address = Address("organs", name) if kind == "organs" else Address("nervous", kind or "cells", name)
    return address.subject(env, Kind.WAVE)


def fields_of(given: Mapping[str, Any], payload: str) -> dict[str, Any]:
    """The body of a wave: what was given, and nothing else, as a researcher would type it."""
    fields = {name: value for name, value in given.items() if value not in (None, "")}
    if payload:
        try:
            fields["payload"] = json.loads(payload)
        except ValueError as error:
            raise CommandError(f"--payload is not JSON ({error}): {payload!r}", Exit.USAGE) from None
    return fields


async def wave(where: Where, service: str, given: Mapping[str, Any], payload: str, output: Output) -> Exit:
    """Append a wave to SENSES and print where it stands. `payload` is JSON or empty."""
    subject = wave_subject(where.env, service)
    fields = fields_of(given, payload)
    body = json.dumps(fields, ensure_ascii=False).encode()
    try:
        decode_wave(Stored(subject=subject, body=body, stream=SENSES, seq=1, at_ms=0))
    except RefusedError as error:
        raise CommandError(error.reason, Exit.USAGE) from None
    async with open_bus(where, "wave") as bus:
        seq = await bus.append(subject, body)
    if output is Output.JSON:
        write_json({"stream": SENSES, "seq": seq, "subject": subject, "wave": fields})
    else:
        write(f"{SENSES}:{seq}  {subject}")
    return Exit.OK
