"""`nimmerverse up`: a nervous system in the foreground until Ctrl-C."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from typing import Any

from rich.live import Live

from console.command import say, write
from console.connection import told_settings
from console.exits import CommandError, Exit
from console.folder import data_folder, locked
from console.gates import ask_gates
from console.live_table import live_table
from console.options import Output, Where
from console.organism import Organism, Plan
from console.printing import message_line, stdout, write_json
from console.pulse import Event, Pulse
from console.supervisor import ProcessState, Supervised
from shared.v1.bus import Message
from shared.v1.errors import NimmerverseError, RefusedError
from shared.v1.messages import GatesAnswer
from shared.v1.messages.base import json_object
from shared.v1.settings import DEFAULT_NATS_URL, redacted

_REFRESH_S = 0.5


async def up(where: Where, port: int, output: Output) -> Exit:
    """Run until SIGINT or SIGTERM, then drain and return within 10 s."""
    stopping = _told_to_stop()
    external = told_settings(where)
    folder = data_folder(where.env)
    with locked(folder):
        plan = Plan(folder=folder, env=where.env, external=external, port=port)
        async with AsyncExitStack() as stack:
            try:
                organism = await stack.enter_async_context(Organism(plan))
            except RefusedError as error:
                if external is None:  # a taken port, no program: a matter of this machine
                    raise CommandError(error.reason, Exit.USAGE) from None
                raise
            say(_hints(where, organism.settings.nats_url, is_embedded=external is None))
            say(f"data and logs: {folder}")
            await _until(stopping, _show(organism, where.env, output))
            say("stopping: at most 10 s")
    return Exit.OK


def _told_to_stop() -> asyncio.Event:
    """An event that Ctrl-C and SIGTERM set."""
    stopping = asyncio.Event()
    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


async def _until(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Work until told to stop."""
    working = asyncio.create_task(work)
    told = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()  # raises what ended it
    finally:
        for task in (working, told):
            task.cancel()
        await asyncio.gather(working, told, return_exceptions=True)


async def _show(organism: Organism, env: str, output: Output) -> None:
    """Show what happens, for ever."""
    pulse = Pulse()
    async with organism.bus.subscribe(f"{env}.>") as messages:
        try:
            async with asyncio.TaskGroup() as tasks:
                if output is Output.TEXT and sys.stdout.isatty():
                    tasks.create_task(_draw(organism, env, pulse))
                    tasks.create_task(_hear(messages, pulse, None))
                else:
                    tasks.create_task(_tell_processes(organism, output))
                    tasks.create_task(_hear(messages, pulse, output))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None


async def _hear(messages: AsyncIterator[Message], pulse: Pulse, output: Output | None) -> None:
    """Feed the pulse; tell the events in lines unless `output` is None."""
    async for message in messages:
        event = pulse.take(message, time.time())
        if event is not None and output is not None:
            _tell(event, output)


def _tell(event: Event, output: Output) -> None:
    if output is Output.JSON:
        with suppress(RefusedError):
            write_json({"event": "message", "subject": event.subject, "body": json_object(event.body)})
    else:
        stdout().print(message_line(event.subject, event.body))


async def _tell_processes(organism: Organism, output: Output) -> None:
    """One line for every process whose state has changed, and one when all are ready."""
    told: dict[str, tuple[object, ...]] = {}
    was_ready = False
    async for _ in organism.changes.each():
        processes = list(organism.processes.values())
        for process in processes:
            now = (process.state, process.pid, process.restarts)
            if told.get(process.name) != now:
                told[process.name] = now
                _tell_process(process, output)
        is_ready = all(process.state is ProcessState.READY for process in processes)
        if is_ready and not was_ready:
            if output is Output.JSON:
                write_json({"event": "ready", "server": redacted(organism.settings.nats_url)})
            else:
                write("all processes are ready")
        was_ready = is_ready


def _tell_process(process: Supervised, output: Output) -> None:
    if output is Output.JSON:
        write_json(
            {
                "event": "process",
                "name": process.name,
                "state": process.state,
                "pid": process.pid,
                "restarts": process.restarts,
                "detail": process.detail,
            }
        )
    else:
        detail = f"  {process.detail}" if process.detail else ""
        write(f"{process.name} {process.state}  pid {process.pid}  restarts {process.restarts}{detail}")


async def _draw(organism: Organism, env: str, pulse: Pulse) -> None:
    """Draw the live table twice a second: values of gates change with time alone."""
    gates: GatesAnswer | None = None
    with Live(console=stdout(), auto_refresh=False, transient=False) as live:
        while True:
            with suppress(NimmerverseError):  # a thalamus that restarts answers again soon
                gates = await ask_gates(organism.bus, env)
            now = datetime.now()
            live.update(live_table(env, gates, pulse, organism.processes.values(), now), refresh=True)
            await asyncio.sleep(_REFRESH_S)


def _hints(where: Where, url: str, *, is_embedded: bool) -> str:
    """Lines to copy for somebody who has only the `nats` command."""
    reach = ""
    if is_embedded:
        reach = "" if url == DEFAULT_NATS_URL else f" --server {url}"
    elif where.nats_url or not os.environ.get("NATS_URL"):
        reach = f" --context {where.context}" if where.context else f" --server {redacted(url)}"
    return "\n".join(
        (
            f"  nats{reach} pub {where.env}.nervous.cells.math.wave '{{\"confidence\": 0.6}}'",
            f"  nats{reach} sub '{where.env}.>'",
            f"  nats{reach} micro ls",
        )
    )
