"""`nimmerverse streams`: what the server's streams would become, and make them so."""

from console.command import write
from console.connection import open_bus
from console.exits import Exit
from console.options import Output, Where
from console.printing import write_json
from shared.v1.streams import StreamChange, streams_of


async def streams(where: Where, output: Output, *, dry_run: bool) -> Exit:
    """Print one line per stream and consumer; apply what differs unless `dry_run`."""
    async with open_bus(where, "streams") as bus:
        changes = await bus.apply(streams_of(where.env), dry_run=dry_run)
    if output is Output.JSON:
        write_json(
            {
                "env": where.env,
                "applied": not dry_run,
                "changes": [
                    {"name": change.name, "change": change.change, "fields": list(change.fields)}
                    for change in changes
                ],
            }
        )
    else:
        for change in changes:
            write(_line(change))
    return Exit.OK


def _line(change: StreamChange) -> str:
    differs = f"  ({', '.join(change.fields)})" if change.fields else ""
    return f"{change.change:<7} {change.name}{differs}"
