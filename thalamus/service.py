"""The thalamus as a process: reads SENSES, folds, hands decisions to the writer, moves time, answers people.

Any number of them may run. All fold the same inputs to the same state; the one that holds the lease writes.
If two ever believe that they do, the fence of the writer lets only one through, and the other steps down.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Sequence

from shared.v1 import dead, manifest
from shared.v1.bus import Endpoint, Message, Stored
from shared.v1.decode import decode
from shared.v1.errors import NimmerverseError, RefusedError, TryAgainError
from shared.v1.manifest import Manifest
from shared.v1.messages import ExplainQuestion, GateTransition, RuleChange, Tick
from shared.v1.runtime import Context
from shared.v1.settings import Settings
from shared.v1.states import UnitState
from shared.v1.streams import DECISIONS, SENSES
from shared.v1.subjects import EXPLAIN_QUESTION, GATES_QUESTION, RULES_QUESTION, THALAMUS, Kind
from thalamus.explain import explain, gates_of, rules_of
from thalamus.fold import Input, State, step
from thalamus.keeper import SnapshotKeeper
from thalamus.metrics import Metrics
from thalamus.settings import ThalamusSettings
from thalamus.vocabulary import missing_rules
from thalamus.writer import DecisionWriter, DeposedError

log = logging.getLogger(__name__)

_RENEWALS = 4  # of a lease within its time
_REMEMBERED_REFUSALS = 1_000


class Thalamus:
    """The unit `nervous.thalamus`."""

    settings_type: type[Settings] = ThalamusSettings

    def __init__(self, units: Sequence[Manifest] | None = None) -> None:
        """`units` declare the vocabulary; by default all that are installed."""
        self.manifest = manifest.beside(__file__)
        self._units = manifest.installed() if units is None else units
        self._state = State()
        self._transitions: dict[str, GateTransition] = {}  # the last one of each gate, for people

    def endpoints(self, context: Context) -> Sequence[Endpoint]:
        """Questions of people: all gates, why one stands as it does, and the rules."""
        env = context.env
        questions = (
            (GATES_QUESTION, self._on_gates),
            (EXPLAIN_QUESTION, self._on_explain),
            (RULES_QUESTION, self._on_rules),
        )
        return [
            Endpoint(name=address.unit, subject=address.subject(env, "request"), handler=handler)
            for address, handler in questions
        ]

    async def _on_gates(self, message: Message) -> bytes:
        return gates_of(self._state, _now_ms()).to_bytes()

    async def _on_rules(self, message: Message) -> bytes:
        return rules_of(self._state).to_bytes()

    async def _on_explain(self, message: Message) -> bytes:
        question = ExplainQuestion.from_bytes(message.body)
        last = self._transitions.get(f"{question.garden}/{question.region}")
        return explain(self._state, question, _now_ms(), last).to_bytes()

    async def run(self, context: Context) -> None:
        """Fold SENSES until the process drains."""
        settings = context.settings
        if not isinstance(settings, ThalamusSettings):
            settings = ThalamusSettings(**settings.model_dump())
        life = _Life(self, context, settings)
        await life.run()

    @property
    def state(self) -> State:
        """What was folded so far."""
        return self._state


class _Life:
    """One run of a thalamus, from the snapshot to the drain."""

    def __init__(self, unit: Thalamus, context: Context, settings: ThalamusSettings) -> None:
        self._unit = unit
        self._context = context
        self._settings = settings
        self._bus = context.bus
        self._metrics = Metrics(context)
        self._writer = DecisionWriter(context)
        self._keeper = SnapshotKeeper(
            context.bus, every_inputs=settings.snapshot_inputs, every_s=settings.snapshot_s
        )
        self._refused: deque[tuple[Stored, str]] = deque(maxlen=_REMEMBERED_REFUSALS)
        self._goal = 0  # the newest input at the start
        self._taught = False

    @property
    def _state(self) -> State:
        return self._unit._state

    async def run(self) -> None:
        await self._restore()
        await self._seek_lead()
        tasks = [
            asyncio.create_task(self._fold(), name="fold"),
            asyncio.create_task(self._writer.run(), name="writer"),
            asyncio.create_task(self._keep_lead(), name="lease"),
            asyncio.create_task(self._tick(), name="ticks"),
            asyncio.create_task(self._watch(), name="watch"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises what ended it; otherwise the process drains
            await tasks[0]  # reading was stopped
            await self._finish(tasks[1])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _restore(self) -> None:
        newest = await self._context.surely(lambda: self._bus.last_on(SENSES, f"{self._context.env}.>"))
        end = await self._context.surely(lambda: self._bus.last_seq(SENSES))
        self._goal = newest.seq if newest else 0
        self._unit._state = await self._context.surely(lambda: self._keeper.restore(not_after=end))
        self._writer.said = self._state.seq  # a snapshot is kept only when everything up to it was said
        await self._writer.look()
        if self._writer.said > end:
            raise NimmerverseError(
                f"{DECISIONS} tells of input {self._writer.said}, but {SENSES} ends at {end}: "
                f"{SENSES} was deleted or replaced; restore it, or purge {DECISIONS} as well"
            )
        self._context.become(UnitState.STARTING, f"folding {max(0, self._goal - self._state.seq)} inputs again")

    async def _fold(self) -> None:
        await self._caught_up()
        async for message in self._bus.read(SENSES, after=self._state.seq):
            await self._take(message)
            if message.seq >= self._goal and self._context.state is UnitState.STARTING:
                await self._caught_up()
            if self._writer.leads and self._keeper.is_due(self._state):
                await self._writer.flush()
                await self._keeper.keep(self._state)

    async def _take(self, message: Stored) -> None:
        started = time.perf_counter()
        try:
            subject, body = decode(message)
            item = Input(seq=message.seq, at_ms=message.at_ms, subject=subject, body=body)
            decisions = step(self._state, item)
        except RefusedError as refusal:
            self._state.seq = message.seq
            self._refused.append((message, refusal.reason))
            if self._writer.leads and message.seq > self._writer.said:
                await self._bury(message, refusal.reason)
            return
        for made in decisions:
            if made.kind is Kind.TRANSITION:
                self._unit._transitions[made.body.gate] = made.body
        self._metrics.folded(subject.kind, message.seq, started, decisions)
        if decisions:
            await self._writer.add(message.seq, decisions)

    async def _bury(self, message: Stored, reason: str) -> None:
        context = self._context
        await context.surely(lambda: dead.bury(self._bus, context.env, message, reason, by=context.source))
        self._metrics.refused.inc()

    async def _seek_lead(self) -> None:
        """Take or renew the lease. Raises DeposedError if it was ours and is not any more."""
        held = await self._bus.stores.hold(THALAMUS.service, self._context.source, ttl_s=self._settings.lease_s)
        if self._writer.leads and not held:
            raise DeposedError("another thalamus holds the lease, so this one steps down")
        if held and not self._writer.leads:
            await self._writer.lead()
            log.info("leads", extra={"action": "lead", "said": self._writer.said})
            # Burying twice is harmless, and the one before us may have died in between.
            for message, reason in list(self._refused):
                await self._bury(message, reason)
            await self._caught_up()

    async def _keep_lead(self) -> None:
        while await self._context.pause(self._settings.lease_s / _RENEWALS):
            with contextlib.suppress(TryAgainError):  # a server that is away gives the lease to nobody
                await self._seek_lead()

    async def _caught_up(self) -> None:
        """Tell what this process does, once it has folded what was there at its start."""
        if self._state.seq < self._goal:
            return
        if not self._writer.leads:
            self._context.become(UnitState.IDLE, "standby: follows, and leads when the leader falls silent")
            return
        if not self._taught:
            self._taught = True
            for change in missing_rules(self._state.rules, self._unit._units):
                await self._teach(change)
        self._context.become(UnitState.READY, "leads")

    async def _teach(self, change: RuleChange) -> None:
        """Say what a manifest declares; a replay learns it at the same place."""
        subject = THALAMUS.subject(self._context.env, Kind.RULES)
        await self._context.surely(lambda: self._bus.append(subject, change.to_bytes()))

    async def _tick(self) -> None:
        """Say that time passes while gates wait for it."""
        subject = THALAMUS.subject(self._context.env, Kind.TICK)
        body = Tick(interval_ms=self._settings.tick_ms).to_bytes()
        while await self._context.pause(self._settings.tick_ms / 1000):
            if self._writer.leads and self._state.seq >= self._goal and self._state.waits_for_time:
                with contextlib.suppress(TryAgainError):  # the next one will do
                    await self._bus.append(subject, body)

    async def _watch(self) -> None:
        """Measure the lag every second; too much of it, and the process is not ready."""
        context, bound = self._context, self._settings.lag_inputs
        while await context.pause(1.0):
            self._metrics.look_at(self._state)
            self._metrics.leads.set(self._writer.leads)
            self._metrics.snapshot_age.set(self._keeper.age_s)
            with contextlib.suppress(TryAgainError):
                lag = await self._bus.last_seq(SENSES) - self._state.seq
                self._metrics.lag.set(lag)
                if lag > bound and context.state in (UnitState.READY, UnitState.IDLE):
                    context.become(UnitState.LAGGING, f"{lag} inputs wait, more than {bound}")
                elif lag <= bound // 2 and context.state is UnitState.LAGGING:
                    await self._caught_up()

    async def _finish(self, writing: asyncio.Task[None]) -> None:
        """Say and keep what was folded, and let a standby lead at once."""
        if not self._writer.leads:
            return
        flushing = asyncio.create_task(self._writer.flush())
        await asyncio.wait({flushing, writing}, return_when=asyncio.FIRST_COMPLETED)
        if not flushing.done():
            flushing.cancel()
            writing.result()
        await self._keeper.keep(self._state)
        with contextlib.suppress(TryAgainError):
            await self._bus.stores.release(THALAMUS.service, self._context.source)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
