"""The thalamus as a process: reads SENSES, folds, writes DECISIONS, moves time, answers people.

Exactly once, without trust in acknowledgements: the last decision tells how far an earlier life had come,
so the fold is run again silently up to there and speaks from there on. Every step's decisions are appended
as one batch on the condition that DECISIONS ends where this process thinks it ends.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

from prometheus_client import Counter, Gauge

from shared.v1 import dead, manifest
from shared.v1.bus import Endpoint, Message, Outgoing, Stored
from shared.v1.decode import decode
from shared.v1.errors import FencedError, NimmerverseError, RefusedError, TryAgainError
from shared.v1.manifest import Manifest
from shared.v1.messages import ExplainQuestion, GateTransition, RuleChange, Tick
from shared.v1.messages.base import json_object
from shared.v1.runtime import Context
from shared.v1.settings import Settings
from shared.v1.states import UnitState
from shared.v1.streams import DECISIONS, SENSES
from shared.v1.subjects import EXPLAIN_QUESTION, GATES_QUESTION, THALAMUS, Kind, decision
from thalamus.decisions import Decision
from thalamus.explain import explain, gates_of
from thalamus.fold import Input, State, step
from thalamus.settings import ThalamusSettings
from thalamus.vocabulary import missing_rules

log = logging.getLogger(__name__)


class DeposedError(NimmerverseError):
    """Another thalamus writes to DECISIONS; this one must not go on."""


class Thalamus:
    """The unit `nervous.thalamus`."""

    settings_type: type[Settings] = ThalamusSettings

    def __init__(self, units: Sequence[Manifest] | None = None) -> None:
        """`units` declare the vocabulary; by default all that are installed."""
        self.manifest = manifest.beside(__file__)
        self._units = manifest.installed() if units is None else units
        self._state = State()
        self._last_decision = 0  # the end of DECISIONS
        self._spoken_to = 0  # inputs up to here were decided by an earlier life
        self._transitions: dict[str, GateTransition] = {}  # the last one of each gate, for people

    def endpoints(self, context: Context) -> Sequence[Endpoint]:
        """Questions of people: all gates, and why one stands as it does."""
        env = context.env
        questions = ((GATES_QUESTION, self._on_gates), (EXPLAIN_QUESTION, self._on_explain))
        return [
            Endpoint(name=address.unit, subject=address.subject(env, "request"), handler=handler)
            for address, handler in questions
        ]

    async def _on_gates(self, message: Message) -> bytes:
        return gates_of(self._state, _now_ms()).to_bytes()

    async def _on_explain(self, message: Message) -> bytes:
        question = ExplainQuestion.from_bytes(message.body)
        last = self._transitions.get(f"{question.garden}/{question.region}")
        return explain(self._state, question, _now_ms(), last).to_bytes()

    async def run(self, context: Context) -> None:
        """Fold SENSES until the process drains."""
        metrics = _Metrics(context)
        bus = context.bus
        await self._find_last_decision(context)
        newest = await context.surely(lambda: bus.last_on(SENSES, f"{context.env}.>"))
        goal = newest.seq if newest else 0
        context.become(UnitState.STARTING, f"folding {goal} inputs again")
        ticking = asyncio.create_task(self._tick(context), name="ticks")
        try:
            if goal == 0:
                await self._awake(context)
            async for message in bus.read(SENSES, after=0):
                await self._take(context, message, metrics)
                if message.seq >= goal and context.state is UnitState.STARTING:
                    await self._awake(context)
                if ticking.done():
                    ticking.result()  # raises what ended it
        finally:
            ticking.cancel()

    async def _find_last_decision(self, context: Context) -> None:
        bus, env = context.bus, context.env
        self._last_decision = await context.surely(lambda: bus.last_seq(DECISIONS))
        last = await context.surely(lambda: bus.last_on(DECISIONS, THALAMUS.subject(env, ">")))
        if last is not None:
            self._spoken_to = int(_input_seq(last))

    async def _awake(self, context: Context) -> None:
        """Caught up: teach what the installed units declare and nobody has said yet."""
        rules = self._state.rules
        for change in missing_rules(rules, self._units):
            await context.surely(lambda change=change: self._say_rules(context, change))  # type: ignore[misc]
        context.become(UnitState.READY, f"{len(self._state.gates)} gates, rules {rules.version}")

    async def _say_rules(self, context: Context, change: RuleChange) -> int:
        return await context.bus.append(THALAMUS.subject(context.env, Kind.RULES), change.to_bytes())

    async def _take(self, context: Context, message: Stored, metrics: "_Metrics") -> None:
        try:
            subject, body = decode(message)
            item = Input(seq=message.seq, at_ms=message.at_ms, subject=subject, body=body)
            decisions = step(self._state, item)
        except RefusedError as refusal:
            if message.seq > self._spoken_to:
                reason = refusal.reason
                await context.surely(
                    lambda: dead.bury(context.bus, context.env, message, reason, by=context.source)
                )
                metrics.refused.inc()
            return
        metrics.folded(message)
        for made in decisions:
            if isinstance(made.body, GateTransition):
                self._transitions[made.body.gate] = made.body
        if decisions and message.seq > self._spoken_to:
            await self._publish(context, decisions)
            metrics.decided(decisions)

    async def _publish(self, context: Context, decisions: Sequence[Decision]) -> None:
        """Append a step's decisions once, whatever happens to acknowledgements. Raises DeposedError."""
        bus, env = context.bus, context.env
        batch = [
            Outgoing(subject=decision(env, made.region, made.kind), body=made.to_bytes()) for made in decisions
        ]
        while True:
            try:
                self._last_decision = await bus.append_all(batch, last=self._last_decision)
                return
            except FencedError as error:
                if await self._is_stored(context, batch):
                    return
                raise DeposedError(
                    f"another thalamus writes to {DECISIONS}, so this one steps down ({error})"
                ) from None
            except TryAgainError as error:
                log.warning("decisions wait", extra={"action": "publish_retry", "reason": str(error)})
                if not await context.pause(0.2):
                    raise
                if await self._is_stored(context, batch):
                    return

    async def _is_stored(self, context: Context, batch: Sequence[Outgoing]) -> bool:
        """True if an attempt whose acknowledgement was lost has succeeded after all."""
        bus = context.bus
        end = self._last_decision + len(batch)
        stored = await context.surely(lambda: bus.get(DECISIONS, end))
        newest = await context.surely(lambda: bus.last_seq(DECISIONS))
        if stored is None or newest != end or stored.body != batch[-1].body:
            return False
        self._last_decision = end
        return True

    async def _tick(self, context: Context) -> None:
        """Say that time passes while gates wait for it."""
        settings = context.settings
        interval_ms = settings.tick_ms if isinstance(settings, ThalamusSettings) else 250
        subject = THALAMUS.subject(context.env, Kind.TICK)
        body = Tick(interval_ms=interval_ms).to_bytes()
        while await context.pause(interval_ms / 1000):
            if context.state is UnitState.READY and self._state.waits_for_time:
                with contextlib.suppress(TryAgainError):  # the next one will do
                    await context.bus.append(subject, body)


class _Metrics:
    """What Prometheus sees; labels are bounded by the kinds of decisions."""

    def __init__(self, context: Context) -> None:
        registry = context.registry
        self._context = context
        self._inputs = Counter("nimmerverse_inputs", "Inputs folded", registry=registry)
        self._decisions = Counter("nimmerverse_decisions", "Decisions published", ["kind"], registry=registry)
        self._position = Gauge("nimmerverse_input_seq", "Newest position in SENSES folded", registry=registry)
        self.refused = Counter("nimmerverse_refused", "Inputs sent to DEAD", registry=registry)

    def folded(self, message: Stored) -> None:
        self._inputs.inc()
        self._position.set(message.seq)

    def decided(self, decisions: Sequence[Decision]) -> None:
        for made in decisions:
            self._decisions.labels(made.kind.value).inc()


def _input_seq(stored: Stored) -> int:
    value = json_object(stored.body).get("input_seq")
    if not isinstance(value, int):
        raise NimmerverseError(
            f"{stored.stream}:{stored.seq} on {stored.subject} is no decision (no input_seq): "
            "something else wrote to this stream; purge that message"
        )
    return value


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
