"""`nimmerverse demo`: the textbook example on a private nervous system, seen on the wire from end to end."""

import asyncio
import json
import tempfile
import time
from pathlib import Path

from rich.console import Console

from console.chain import Chain, Link
from console.exits import CommandError, Exit
from console.options import Output
from console.organism import Organism, Plan
from console.printing import ProgressLine, message_line, stdout, write_json
from shared.v1.bus import Bus
from shared.v1.messages.base import json_object
from shared.v1.subjects import Address

WITHOUT_MODELS = {"NIMMERVERSE_GEMMA_MODEL": "none", "NIMMERVERSE_NYX_MODEL": "none"}
"""Environment of an organism whose cognition works by its rules alone."""

TASK = {"text": "what is 15 plus 27?", "operation": "add", "operands": [15, 27]}

_READY_S = 90.0
_CHAIN_S = 60.0


async def demo(env: str, output: Output, *, models: bool) -> Exit:
    """Start everything, publish two waves, print the chain that follows, and stop everything."""
    progress = ProgressLine()
    with tempfile.TemporaryDirectory(prefix="nimmerverse-", ignore_cleanup_errors=True) as folder:
        plan = Plan(folder=Path(folder), env=env, cells=("math",), environment={} if models else WITHOUT_MODELS)
        progress.show("starting a private nats-server, the math cell, the thalamus, gemma and nyx")
        try:
            async with Organism(plan) as organism:
                await organism.ready(progress.show, within_s=_READY_S)
                await _play(organism.bus, env, output, progress)
                progress.show("stopping")
        finally:
            progress.clear()
    return Exit.OK


async def _play(bus: Bus, env: str, output: Output, progress: ProgressLine) -> None:
    waves = dict(_textbook(env))
    chain = Chain({str(body["id"]): subject for subject, body in waves.items()})
    console = stdout()
    async with bus.subscribe(f"{env}.>") as messages:
        started = time.monotonic()
        for subject, body in waves.items():
            await bus.publish(subject, json.dumps(body).encode())
        try:
            async with asyncio.timeout(_CHAIN_S):
                while chain.missing and not chain.fault:
                    progress.show(f"waiting for the {chain.missing[0]}")
                    for link in chain.take(await anext(messages)):
                        if output is Output.TEXT:
                            progress.clear()
                            _print(console, link, time.monotonic() - started)
        except TimeoutError:
            raise CommandError(
                f"the chain stopped: within {_CHAIN_S:.0f} s there was no {', no '.join(chain.missing)}",
                Exit.TIMED_OUT,
            ) from None
        finally:
            if output is Output.JSON:
                write_json(chain.document())
    if chain.fault:
        raise CommandError(f"the chain broke: {chain.fault}", Exit.NOT_MET)


def _textbook(env: str) -> list[tuple[str, dict[str, object]]]:
    """Two cells say that there is something to calculate; neither is sure."""
    return [
        (
            Address("nervous", "cells", cell).subject(env, "wave"),
            {"id": f"demo-{cell}", "confidence": confidence, "payload": TASK},
        )
        for cell, confidence in (("math", 0.6), ("calculate", 0.5))
    ]


def _print(console: Console, link: Link, elapsed_s: float) -> None:
    console.print(f"{elapsed_s:7.3f} s  {link.name:<10} ", end="")
    console.print(message_line(link.subject, link.body))
    for wave in json_object(link.body).get("evidence", ()) if link.name == "transition" else ():
        console.print(
            f"{'':22} evidence: SENSES:{wave['seq']} {wave['witness']} is {wave['confidence']:.2f} sure of "
            f"{wave['semantic']!r}, {wave['age_ms']} ms ago, gives {wave['contribution']:.3f}"
        )
