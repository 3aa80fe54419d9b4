"""The life of every process: connect, register, beat, work, drain.

A unit says what it is (its manifest), what it answers (endpoints) and what it does (`run`); everything
else, from signals to metrics, is here and the same for all.
"""

import asyncio
import contextlib
import logging
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from shared.v1 import logs
from shared.v1.bus import Bus, Endpoint, Service
from shared.v1.bus_nats import NatsBus
from shared.v1.errors import NimmerverseError, RefusedError, TryAgainError
from shared.v1.health import Health
from shared.v1.manifest import Manifest
from shared.v1.messages import Heartbeat
from shared.v1.settings import Settings, load
from shared.v1.states import UnitState

log = logging.getLogger(__name__)

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_CONFIGURATION = 2
PARENT_VARIABLE = "NIMMERVERSE_PARENT"
"""Process id of a supervisor; a child that outlives it drains by itself."""

_BEAT_S = 1.0
_MAX_DETAIL = 500  # characters, as Heartbeat allows

T = TypeVar("T")


class Context:
    """What the runtime gives to a unit: the bus, who it is, and how it is doing."""

    def __init__(
        self, manifest: Manifest, settings: Settings, bus: Bus, *, draining: asyncio.Event | None = None
    ) -> None:
        """`draining` is set when the process shall end."""
        instance = settings.instance or uuid4().hex[:8]
        self.bus = bus
        self.settings = settings
        self.address = manifest.address
        self.source = f"{manifest.name}/{manifest.version}/{instance}"
        self.registry = CollectorRegistry()
        self.draining = draining or asyncio.Event()
        self.state = UnitState.STARTING
        self.detail = "starting"
        self.last_wave_at: datetime | None = None
        self.load: dict[str, float] = {}
        self.errors = 0
        self._errors_total = Counter("nimmerverse_errors", "Errors since the start", registry=self.registry)
        self._state_changed = asyncio.Event()

    @property
    def env(self) -> str:
        """The environment: dev, staging or prod."""
        return self.settings.env

    def become(self, state: UnitState, detail: str = "") -> None:
        """Change the state that heartbeats tell; `detail` is a sentence about it."""
        detail = detail[:_MAX_DETAIL]
        if (state, detail) == (self.state, self.detail):
            return
        self.state, self.detail = state, detail
        self._state_changed.set()
        log.info("state changed", extra={"action": "state", "state": state.value, "detail": detail})

    def failed(self, message: str, error: BaseException) -> None:
        """Count and log an error that the unit survives."""
        self.errors += 1
        self._errors_total.inc()
        expected = isinstance(error, NimmerverseError)
        log.error(message, extra={"action": "error", "error": str(error)}, exc_info=None if expected else error)

    async def pause(self, seconds: float) -> bool:
        """Wait; False if the process is draining, so that a loop can be `while await pause(1): …`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.draining.wait()
        return not self.draining.is_set()

    async def surely(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Repeat a call that is safe to repeat until the server takes it.

        Raises TryAgainError only when the process drains meanwhile.
        """
        delay = 0.1
        while True:
            try:
                return await call()
            except TryAgainError:
                if not await self.pause(delay):
                    raise
                delay = min(delay * 2, 2.0)

    def heartbeat(self, started: float) -> Heartbeat:
        """What to say of this process now; `started` is its monotonic start time."""
        process = psutil.Process()
        return Heartbeat(
            source=self.source,
            address=self.address.path,
            version=self.source.split("/")[1],
            state=self.state,
            detail=self.detail,
            at=datetime.now(UTC),
            interval_s=self.settings.heartbeat_s,
            uptime_s=round(time.monotonic() - started, 1),
            pid=os.getpid(),
            host=socket.gethostname(),
            errors=self.errors,
            last_wave_at=self.last_wave_at,
            load={"rss_bytes": float(process.memory_info().rss), **_finite(self.load)},
        )

    async def _beat_for_ever(self, health: Health) -> None:
        """Heartbeats: at every change of state, and at least every `heartbeat_s`."""
        started = time.monotonic()
        subject = self.address.subject(self.env, "heartbeat")
        ready = Gauge("nimmerverse_ready", "1 if the process does its work", registry=self.registry)
        due = 0.0
        while True:
            health.beat()
            ready.set(self.state in (UnitState.READY, UnitState.IDLE))
            if self._state_changed.is_set() or time.monotonic() >= due:
                self._state_changed.clear()
                due = time.monotonic() + self.settings.heartbeat_s
                with contextlib.suppress(TryAgainError):  # the next one will say it
                    await self.bus.publish(subject, self.heartbeat(started).to_bytes())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(_BEAT_S, self.settings.heartbeat_s)):
                    await self._state_changed.wait()


class Unit(Protocol):
    """Anything that can be run as a process."""

    @property
    def manifest(self) -> Manifest: ...

    @property
    def settings_type(self) -> type[Settings]: ...

    def endpoints(self, context: Context) -> Sequence[Endpoint]:
        """What it answers; registered with NATS micro before `run` begins."""
        ...

    async def run(self, context: Context) -> None:
        """Work until `context.draining` is set, then finish what is held and return."""
        ...


def main(unit: Unit) -> None:
    """Run a unit as this process: the body of every `__main__.py`."""
    raise SystemExit(_run(_main(unit)))


def _run(coroutine: Coroutine[Any, Any, int]) -> int:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return asyncio.run(coroutine)
    return uvloop.run(coroutine)


async def _main(unit: Unit) -> int:
    manifest = unit.manifest
    try:
        settings = load(unit.settings_type)
    except RefusedError as error:
        logs.configure("info", source=manifest.name)
        log.error(error.reason, extra={"action": "configuration"})
        return EXIT_CONFIGURATION
    logs.configure(settings.log_level, source=manifest.name)
    stop = asyncio.Event()
    _on_stop(stop.set)
    orphaned = asyncio.create_task(_set_when_orphaned(stop))
    try:
        bus = await _connected(settings, f"{settings.env}.{manifest.address.path}", stop)
        if bus is None:
            return EXIT_OK
        try:
            return await live(unit, Context(manifest, settings, bus, draining=stop))
        finally:
            await bus.close()
    except RefusedError as error:
        log.error(error.reason, extra={"action": "configuration"})
        return EXIT_CONFIGURATION
    finally:
        orphaned.cancel()


async def _connected(settings: Settings, name: str, stop: asyncio.Event) -> NatsBus | None:
    """A bus as soon as a server is there; None if the process shall end before."""
    connecting = asyncio.create_task(NatsBus.connect(settings, name=name))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if connecting.done():
        return connecting.result()
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    return None


def _on_stop(callback: Callable[[], object]) -> None:
    """Call back on SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(callback))
        else:
            loop.add_signal_handler(number, callback)


async def _set_when_orphaned(stop: asyncio.Event) -> None:
    """Set `stop` when the supervisor that is named by PARENT_VARIABLE is not our parent any more."""
    parent = os.environ.get(PARENT_VARIABLE, "")
    while parent.isdecimal() and os.getppid() == int(parent):  # noqa: ASYNC110 - an id is all that there is
        await asyncio.sleep(_BEAT_S)
    if parent:
        log.warning("the supervisor is gone", extra={"action": "orphaned"})
        stop.set()


async def live(unit: Unit, context: Context) -> int:
    """Serve, beat and run a unit on a connected bus until it drains; return the exit code."""
    ProcessCollector(registry=context.registry)
    health = Health(
        context.registry, lambda: "" if _is_ready(context) else f"{context.state}: {context.detail}"
    )
    if context.settings.http_port:
        try:
            health.start(context.settings.http_host, context.settings.http_port)
        except RefusedError as error:
            log.error(error.reason, extra={"action": "configuration"})
            return EXIT_CONFIGURATION
    beating = asyncio.create_task(context._beat_for_ever(health), name="heartbeat")
    working = asyncio.create_task(_serve_and_run(unit, context), name=unit.manifest.name)
    draining = asyncio.create_task(context.draining.wait())
    try:
        await asyncio.wait({beating, working, draining}, return_when=asyncio.FIRST_COMPLETED)
        for ended in (beating, working):
            if ended.done():
                ended.result()  # raises what ended it
        context.become(UnitState.DRAINING, "finishing what is held")
        await context.bus.stop_reading()
        _, unfinished = await asyncio.wait({working}, timeout=context.settings.drain_s)
        if unfinished:
            log.warning("stopped before it had finished", extra={"action": "drain_timeout"})
        else:
            working.result()
        return EXIT_OK
    except NimmerverseError as error:
        if isinstance(error, TryAgainError) and context.draining.is_set():
            log.warning("left without the server", extra={"action": "drained", "error": str(error)})
            return EXIT_OK
        log.error("the unit cannot go on", extra={"action": "fatal", "error": str(error)})
        return EXIT_FAILED
    except Exception:
        log.exception("the unit failed", extra={"action": "fatal"})
        return EXIT_FAILED
    finally:
        for task in (beating, working, draining):
            task.cancel()
        await asyncio.gather(beating, working, draining, return_exceptions=True)
        health.stop()


async def _serve_and_run(unit: Unit, context: Context) -> None:
    manifest = unit.manifest
    service = Service(
        name=manifest.name,
        version=manifest.version,
        description=manifest.description,
        endpoints=unit.endpoints(context),
        metadata={"env": context.env, "source": context.source, "address": manifest.address.path},
    )
    await context.surely(lambda: context.bus.serve(service))
    await unit.run(context)


def _is_ready(context: Context) -> bool:
    return context.state in (UnitState.READY, UnitState.IDLE)


def _finite(figures: Mapping[str, float]) -> dict[str, float]:
    """What can be said in JSON: a figure that is not a number must not silence a heartbeat."""
    return {name: value for name, value in figures.items() if math.isfinite(value)}
