"""`nimmerverse doctor`: can a nervous system run here, and does one? Each line says what to do.

It also works without a server: then the lines about this machine are followed by the one that says so.
"""

import sys
import time
from contextlib import suppress

from rich.text import Text

from console import machine
from console.connection import open_bus, settings_of
from console.essence import printable
from console.exits import Exit
from console.findings import Finding, Verdict, fail, ok, warn
from console.options import Output, Where
from console.printing import stdout, write_json
from console.roster import CORE, UnitSpec, sensing
from shared.v1.bus import Bus, Stored
from shared.v1.bus_nats import NatsBus
from shared.v1.errors import NimmerverseError, RefusedError, TryAgainError
from shared.v1.messages import Heartbeat
from shared.v1.settings import redacted
from shared.v1.states import UnitState
from shared.v1.streams import HEARTBEATS, Change, streams_of

OLDEST_SERVER = (2, 14, 3)
"""The first nats-server whose atomic batches the thalamus can rely on."""

MAX_SKEW_S = 1.0
"""Clocks that differ by more make the ages of waves wrong."""

_MISSED = 3  # heartbeats after which a process counts as gone
_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


async def doctor(where: Where, output: Output) -> Exit:
    """Print all findings. NOT_MET if one of them is a failure."""
    findings = [*machine.findings(), *await _server(where)]
    if output is Output.JSON:
        write_json([finding.document() for finding in findings])
    else:
        console = stdout()
        for finding in findings:
            verdict = (f"{finding.verdict:<5}", _STYLES[finding.verdict])
            advice = f" → {finding.advice}" if finding.advice else ""
            console.print(Text.assemble(verdict, f"{finding.name:<13} {finding.seen}{advice}"))
    failed = any(finding.verdict is Verdict.FAIL for finding in findings)
    return Exit.NOT_MET if failed else Exit.OK


async def _server(where: Where) -> list[Finding]:
    address = redacted(settings_of(where).nats_url)
    try:
        async with open_bus(where, "doctor") as bus:
            streams = await _streams(bus, where.env)
            beats = await _heartbeats(bus, where.env) if streams.verdict is not Verdict.FAIL else []
            return [_version(bus, address), streams, _clock(beats), *_units(beats)]
    except TryAgainError as error:
        return [fail("server", str(error), "start one with `nimmerverse up`, or name one with --nats-url")]
    except RefusedError as error:
        return [fail("server", str(error), "correct the credentials")]


def _version(bus: NatsBus, address: str) -> Finding:
    version = bus.server_version
    wanted = ".".join(map(str, OLDEST_SERVER))
    seen = f"nats-server {version} at {address}"
    if parse_version(version) < OLDEST_SERVER:
        return fail("server", seen, f"use nats-server {wanted} or newer: older ones know no atomic batches")
    return ok("server", seen)


def parse_version(text: str) -> tuple[int, ...]:
    """2.15.1-RC.1 → (2, 15, 1); what is no number counts as 0."""
    core = text.removeprefix("v").split("-")[0].split("+")[0]
    return tuple(int(part) if part.isdigit() else 0 for part in core.split("."))


async def _streams(bus: Bus, env: str) -> Finding:
    try:
        changes = await bus.apply(streams_of(env), dry_run=True)
    except TryAgainError as error:
        return fail("streams", str(error), "start the server with JetStream: `nats-server --jetstream`")
    except NimmerverseError as error:
        return fail("streams", str(error), "use a server or an account of its own for each environment")
    missing = [change.name for change in changes if change.change is Change.CREATE]
    differing = [change.name for change in changes if change.change is Change.UPDATE]
    if missing:
        return fail("streams", f"missing: {', '.join(missing)}", "run `nimmerverse streams apply`")
    if differing:
        return warn("streams", f"not as declared: {', '.join(differing)}", "run `nimmerverse streams apply`")
    return ok("streams", f"{len(changes)} streams and consumers as declared")


async def _heartbeats(bus: Bus, env: str) -> list[tuple[Stored, Heartbeat]]:
    """The last heartbeat of every process, with its receive time."""
    beats = []
    stored = await bus.next_on(HEARTBEATS, f"{env}.>")
    while stored is not None:
        with suppress(RefusedError):  # somebody's test message
            beats.append((stored, Heartbeat.from_bytes(stored.body)))
        stored = await bus.next_on(HEARTBEATS, f"{env}.>", since=stored.seq + 1)
    return beats


def _clock(beats: list[tuple[Stored, Heartbeat]]) -> Finding:
    """Compare the server's clock with those of the units: a heartbeat is stored right after it is written."""
    if not beats:
        return warn("clock", "no heartbeat to compare clocks with", "look again while units run")
    skews = {beat.host: stored.at_ms / 1000 - beat.at.timestamp() for stored, beat in beats}
    host, worst = max(skews.items(), key=lambda item: abs(item[1]))
    seen = f"the server is {worst:+.3f} s from {host}"
    if abs(worst) > MAX_SKEW_S:
        return fail("clock", seen, f"synchronise the clocks (NTP): more than {MAX_SKEW_S:g} s makes waves late")
    return ok("clock", seen)


def _units(beats: list[tuple[Stored, Heartbeat]]) -> list[Finding]:
    now = time.time()
    alive = {
        beat.address: beat
        for stored, beat in beats
        if now - stored.at_ms / 1000 < _MISSED * beat.interval_s and beat.state is not UnitState.DRAINING
    }
    findings = [_unit(unit, alive.get(unit.address.path)) for unit in CORE]
    cells = sensing()
    running = [unit.name for unit in cells if unit.address.path in alive]
    idle = [unit.name for unit in cells if unit.name not in running]
    seen = f"{len(running)} of {len(cells)} alive" + (f", not {', '.join(idle)}" if idle else "")
    findings.append(ok("cells", seen) if running else warn("cells", seen, "start them with `nimmerverse up`"))
    ours = {unit.address.path for unit in (*CORE, *cells)}
    for address, beat in alive.items():
        if address not in ours or beat.state is UnitState.FAILED:
            findings.append(_beat(address, beat))
    return findings


def _unit(unit: UnitSpec, beat: Heartbeat | None) -> Finding:
    if beat is None:
        advice = f"start it with `nimmerverse up`, or alone with `{sys.executable} -m {unit.module}`"
        return warn(unit.name, "no heartbeat", advice)
    return _beat(unit.name, beat)


def _beat(name: str, beat: Heartbeat) -> Finding:
    seen = f"{beat.state} as {beat.source} on {beat.host}, pid {beat.pid}"
    seen = printable(f"{seen}: {beat.detail}" if beat.detail else seen)  # anybody may publish a heartbeat
    if beat.state is UnitState.FAILED:
        return fail(name, seen, "do what it says, or look into its log")
    return ok(name, seen)
