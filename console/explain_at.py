"""`nimmerverse explain REGION --at`: why a gate stood as it stood, folded again on this machine."""

from contextlib import aclosing

from console.connection import open_bus
from console.exits import Exit
from console.gates import question_of, show_explanation
from console.options import Output, Where
from console.ranges import Wanted, range_of, say_what_is_lost, span_in
from shared.v1.bus import Bus
from shared.v1.messages import ExplainQuestion, GateTransition
from shared.v1.streams import DECISIONS, SENSES
from shared.v1.subjects import Kind, decision
from thalamus.explain import explain
from thalamus.history import Span, Time, cause_of, read_span
from thalamus.keeper import newest_snapshot
from thalamus.replay import replayed, state_before


async def explain_at(where: Where, region: str, garden: str, at: str, output: Output) -> Exit:
    """Print why a gate stood as it stood after an input, or at a time."""
    question, asked = question_of(region, garden), range_of(Wanted(until=at))
    async with open_bus(where, "explain") as bus:
        span = await span_in(bus, where.env, asked)
        # From the newest snapshot at or before that place, not from the beginning of the log.
        snapshot = await newest_snapshot(bus, not_after=span.last)
        kept = snapshot.state.seq if snapshot else 0
        span = Span(first=max(span.first, kept + 1), last=span.last, oldest=span.oldest)
        beginning = await state_before(bus, span)
        say_what_is_lost(beginning)
        last = await _last_recorded(bus, where.env, question, kept)
        async with aclosing(replayed(bus, beginning.state, span)) as steps:
            async for _, decisions in steps:
                for made in decisions:
                    if (made.kind, made.region, made.body.garden) == (Kind.TRANSITION, region, garden):
                        last = made.body
        input_ = await bus.get(SENSES, span.last)
    at_ms = asked.until.ms if isinstance(asked.until, Time) else input_.at_ms if input_ else 0
    show_explanation(where.env, explain(beginning.state, question, at_ms, last), output)
    return Exit.OK


async def _last_recorded(bus: Bus, env: str, question: ExplainQuestion, until: int) -> GateTransition | None:
    """The gate's last recorded transition that an input up to `until` caused."""
    subject = decision(env, question.region, Kind.TRANSITION)
    newest = await bus.last_on(DECISIONS, subject)
    last = None
    if newest is not None and until:
        async with aclosing(
            read_span(bus, DECISIONS, first=1, last=newest.seq, filters=(subject,))
        ) as messages:
            async for message in messages:
                if cause_of(message) > until:
                    break
                moved = GateTransition.from_bytes(message.body)
                if moved.garden == question.garden:
                    last = moved
    return last
