"""Answers to people: how gates stand, and why. Reads the state, never changes it."""

from shared.v1.errors import RefusedError
from shared.v1.messages import (
    ExplainQuestion,
    Explanation,
    GardenView,
    GatesAnswer,
    GateTransition,
    GateView,
    RuleRecord,
    RulesAnswer,
    RuleScope,
    WitnessView,
)
from shared.v1.states import GateState
from thalamus.decisions import evidence_at, matrix_of, shown, shown_value, time_of
from thalamus.fold import State
from thalamus.gate import Gate, Readout, corroborate
from thalamus.learning import tier_of
from thalamus.rules import Rules
from thalamus.tables import evidence


def gates_of(state: State, at_ms: int) -> GatesAnswer:
    """All gates as they stand at a time."""
    ordered = [state.gates[key] for key in sorted(state.gates)]
    return GatesAnswer(
        input_seq=state.seq,
        rules=state.rules.version,
        at=time_of(at_ms),
        gates=tuple(_view(gate, _read_time(state, gate, at_ms)) for gate in ordered),
        gardens=tuple(
            GardenView(
                garden=name,
                now=time_of(garden.now_ms),
                simulated=garden.simulated,
                late=garden.late,
                future=garden.future,
                duplicates=garden.duplicates,
            )
            for name, garden in sorted(state.gardens.items())
        ),
    )


def rules_of(state: State) -> RulesAnswer:
    """The rules that hold, how they came about, and those that are tried."""
    shadow = state.shadow
    return RulesAnswer(
        version=state.rules.version,
        vocabulary=state.rules.vocabulary,
        scopes=_scopes(state.rules),
        history=tuple(RuleRecord(seq=seq, change=change) for seq, change in state.rules.history),
        shadow_version=shadow.rules.version if shadow else None,
        shadow_scopes=_scopes(shadow.rules) if shadow else (),
    )


def _scopes(rules: Rules) -> tuple[RuleScope, ...]:
    return tuple(
        RuleScope(region=region, garden=garden, **overlay)
        for (region, garden), overlay in rules.overlays.items()
    )


def explain(state: State, question: ExplainQuestion, at_ms: int, last: GateTransition | None) -> Explanation:
    """Why a gate is open, or is not. Raises RefusedError if nothing was ever heard there."""
    gate = state.gate(question.garden, question.region)
    if gate is None:
        known = sorted({region for garden, region in state.gates if garden == question.garden})
        raise RefusedError(
            f"nothing was heard about {question.garden}/{question.region} yet; "
            f"regions of this garden: {', '.join(known[:20]) or 'none'}",
            code=404,
        )
    at_ms = _read_time(state, gate, at_ms)
    readout = gate.read(at_ms)
    return Explanation(
        gate=_view(gate, at_ms),
        input_seq=state.seq,
        rules=state.rules.version,
        at=time_of(at_ms),
        witnesses=tuple(_witnesses(gate, at_ms, readout)),
        matrix=matrix_of(readout),
        evidence=evidence_at(gate, at_ms, readout),
        why=_why(gate, readout),
        missing=_missing(gate, readout, at_ms),
        last=last,
    )


def _read_time(state: State, gate: Gate, at_ms: int) -> int:
    """The time at which a gate is read: now, or its garden's own time where that is simulated or ahead."""
    garden = state.gardens[gate.garden]
    return garden.now_ms if garden.simulated else max(at_ms, garden.now_ms)


def _view(gate: Gate, at_ms: int) -> GateView:
    readout = gate.read(at_ms)
    return GateView(
        gate=gate.name,
        region=gate.region,
        garden=gate.garden,
        state=gate.state,
        value=shown_value(readout.total, gate.rules.threshold),
        correlation=shown(readout.total),
        confidence=shown(readout.confidence),
        weight=shown(gate.weight),
        tier=tier_of(gate.weight),
        witnesses=len(gate.witnesses),
        waves=len(gate.window(at_ms)),
        threshold=gate.rules.threshold,
        hysteresis=gate.rules.hysteresis,
        threshold_closed=gate.rules.threshold_closed,
        tau_ms=gate.rules.tau_ms,
    )


def _witnesses(gate: Gate, at_ms: int, readout: Readout) -> list[WitnessView]:
    asserted = sum(said for said in readout.says if said > 0.0)
    return [
        WitnessView(
            witness=name,
            evidence=shown(gate.average(index)),
            says=shown(readout.says[index]),
            others=shown(asserted - max(0.0, readout.says[index])),
            contribution=shown(readout.contributions[index]),
            trust=shown(gate.trust(index)),
            age_ms=max(0, at_ms - gate.spoke_at(index)),
        )
        for name, index in gate.witnesses.items()
    ]


def _why(gate: Gate, readout: Readout) -> str:
    total, rules = readout.total, gate.rules
    match gate.state:
        case GateState.OPEN:
            kept = "a reflex's witness" if gate.by_reflex else f"S = {total:.3f}"
            return (
                f"open, and stays open while {kept} is at least h·θ = {rules.hysteresis * rules.threshold:.3f}"
            )
        case GateState.CLOSED:
            if gate.refractory_until:
                return "closed for the refractory time that follows an opening"
            return f"closed, because several witnesses deny: S = {total:.3f}"
        case GateState.STABLE:
            asserting = sum(1 for said in readout.says if said > 0.0)
            if asserting == 1 and total < rules.threshold:
                return "stable, because only one witness asserts it, and one alone never opens a gate"
            return f"stable, because S = {total:.3f} lies between −θ_c and θ = {rules.threshold:.3f}"


def _missing(gate: Gate, readout: Readout, at_ms: int) -> str:
    if gate.state is GateState.OPEN:
        return ""
    if gate.state is GateState.CLOSED and at_ms < gate.refractory_until:
        return f"{gate.refractory_until - at_ms} ms of the refractory time"
    gap = gate.rules.threshold - readout.total
    needed = _one_more(gate, readout)
    if needed is None:
        return f"{gap:.3f} nats: more than one further witness could give now"
    return f"{gap:.3f} nats: one further witness with a confidence of at least {needed:.2f} right now"


def _one_more(gate: Gate, readout: Readout) -> float | None:
    """The least confidence with which one new witness would open the gate now; None if none would."""
    for step in range(1, 101):
        confidence = step / 100
        _, total = corroborate([*readout.says, evidence(confidence, 1.0)])
        if total >= gate.rules.threshold:
            return confidence
    return None
