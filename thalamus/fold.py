"""The fold: one input of SENSES in, the decisions it causes out.

`step` is a function of the state and the input alone. Whoever folds the same inputs from the same state
gets the same decisions, to the byte: live, after a crash, or in a replay a year later.
"""

import copy
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from shared.v1.errors import RefusedError
from shared.v1.messages import (
    RuleChange,
    Tick,
    TrustChange,
    VerificationOutcome,
    WaveSignal,
    WeightChange,
)
from shared.v1.states import Cause, GateState, Tier
from shared.v1.subjects import Kind, Subject
from thalamus import learning
from thalamus.decisions import Decision, Moment, correlation, escalation, transition
from thalamus.garden import LEAP_TAUS, Garden, Said
from thalamus.gate import Gate, Opening
from thalamus.ring import Heard
from thalamus.rules import Rules
from thalamus.tables import evidence

MAX_GATES = 10_000
MAX_WITNESSES = 256  # per gate
SWEEP_MS = 50
"""Open and closed gates are looked at when their garden's time has moved on by this much."""

PRUNE_EVERY_MS = 600_000
FORGET_MS = 3_600_000
"""A founded region about which nobody spoke for so long is forgotten, unless its gate ever opened."""


class Input(NamedTuple):
    """One decoded message of SENSES with its place."""

    seq: int
    at_ms: int
    subject: Subject
    body: WaveSignal | VerificationOutcome | RuleChange | Tick


@dataclass(slots=True)
class State:
    """Everything the thalamus knows. `seq` is the newest input that was folded."""

    seq: int = 0
    rules: Rules = field(default_factory=Rules)
    gardens: dict[str, Garden] = field(default_factory=dict)
    gates: dict[tuple[str, str], Gate] = field(default_factory=dict)  # (garden, region)
    restless: dict[tuple[str, str], Gate] = field(default_factory=dict)  # those that time alone can move
    shadow: "State | None" = None  # the same life under rules that are tried

    def gate(self, garden: str, region: str) -> Gate | None:
        """The gate of a region in a garden, None while nothing was heard there."""
        return self.gates.get((garden, region))

    @property
    def waits_for_time(self) -> bool:
        """True if a tick could move a gate."""
        return any(not self.gardens[garden].simulated for garden, _ in self.restless)


def step(state: State, item: Input) -> list[Decision]:
    """Fold one input into the state, in place; return what it decides, in order of publication.

    Raises RefusedError, with the state unchanged, for an input that cannot mean anything here.
    """
    if isinstance(item.body, RuleChange) and item.body.shadow is not None:
        _on_shadow_rules(state, item, item.body)
        state.seq = item.seq
        return []
    decisions = _step(state, item)
    if state.shadow is not None:
        decisions += _step_shadow(state.shadow, item)
    return decisions


def _on_shadow_rules(state: State, item: Input, change: RuleChange) -> None:
    if change.shadow == "off":
        state.shadow = None
        return
    shadow = state.shadow or copy.deepcopy(state)
    _step(shadow, item)
    state.shadow = shadow


def _step_shadow(shadow: State, item: Input) -> list[Decision]:
    """What would have moved under the tried rules. Nobody acts on it, so only transitions are told."""
    try:
        decided = _step(shadow, item)
    except RefusedError:  # an outcome of an opening that the shadow did not have
        return []
    return [
        Decision(kind=Kind.SHADOW, body=made.body.model_copy(update={"id": f"sh{made.body.id[2:]}"}))
        for made in decided
        if made.kind is Kind.TRANSITION
    ]


def _step(state: State, item: Input) -> list[Decision]:
    match item.body:
        case WaveSignal() as wave:
            decisions = _on_wave(state, item, wave)
        case Tick():
            decisions = _on_tick(state, item)
        case VerificationOutcome() as outcome:
            decisions = _on_outcome(state, item, outcome)
        case RuleChange() as change:
            decisions = _on_rules(state, item, change)
    state.seq = item.seq
    return decisions


def _on_wave(state: State, item: Input, wave: WaveSignal) -> list[Decision]:
    said = Said(seq=item.seq, unit=item.subject.address.name, wave=wave)
    gate = _gate_for(state, said)
    garden = state.gardens.get(wave.garden)
    if garden is None:
        garden = state.gardens[wave.garden] = Garden()
    if wave.garden == "real" or wave.observed_at is None:
        # Receive times of one stream do not run backwards, but those of a new leader's clock may.
        return _hear(state, item, said, gate, max(garden.now_ms, item.at_ms))
    decisions = []
    for heard in garden.admit(said, milliseconds(wave.observed_at), LEAP_TAUS * gate.rules.tau_ms):
        observed = heard.wave.observed_at
        if observed is not None:
            # A claim that was held may find a bound reached that was not when it came.
            with suppress(RefusedError):
                decisions += _hear(state, item, heard, _gate_for(state, heard), milliseconds(observed))
    return decisions


def _hear(state: State, item: Input, said: Said, gate: Gate, at_ms: int) -> list[Decision]:
    """Let a gate hear a wave at a time, after what that time does to other gates."""
    wave, garden = said.wave, state.gardens[gate.garden]
    state.gates[gate.garden, gate.region] = gate
    witness = gate.witnesses.get(said.unit, len(gate.witnesses))
    if gate.ring.holds(witness, wave.id):
        garden.duplicates += 1
        return []
    decisions = []
    if at_ms > garden.now_ms:
        garden.now_ms = at_ms
        decisions += _sweep(state, item, wave.garden, garden, but=gate)
    elif at_ms < garden.now_ms:
        garden.late += 1
    heard = Heard(
        seq=said.seq,
        at_ms=at_ms,
        witness=witness,
        confidence=wave.confidence,
        valence=wave.valence,
        evidence=evidence(wave.confidence, wave.valence),
        cost=wave.lifeforce_cost,
        semantic=wave.semantic,
        id=wave.id,
        source=wave.source,
    )
    if gate.hear(said.unit, heard):
        decisions += _look(state, item, gate, garden.now_ms, heard)
    return decisions


def _gate_for(state: State, said: Said) -> Gate:
    """The gate that hears a wave; a new one, not yet among the gates, if nothing was heard there.

    Raises RefusedError where a bound would be passed.
    """
    region, garden = state.rules.region_of(said.wave.semantic), said.wave.garden
    gate = state.gate(garden, region)
    if gate is None:
        if len(state.gates) >= MAX_GATES:
            raise RefusedError(
                f"there are {MAX_GATES} gates already, so {garden}/{region} is not founded: "
                "use a label of the vocabulary",
                code=413,
            )
        return Gate(region, garden, state.rules.of(region, garden))
    if said.unit not in gate.witnesses and len(gate.witnesses) >= MAX_WITNESSES:
        raise RefusedError(
            f"the gate {gate.name} has {MAX_WITNESSES} witnesses already: "
            "let instances of one unit share its name, or use another region",
            code=413,
        )
    return gate


def milliseconds(moment: datetime) -> int:
    """UTC milliseconds of a time, without the rounding of a float."""
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def _on_tick(state: State, item: Input) -> list[Decision]:
    decisions = []
    for name, garden in state.gardens.items():
        if not garden.simulated and item.at_ms > garden.now_ms:
            garden.now_ms = item.at_ms
            decisions += _sweep(state, item, name, garden)
    return decisions


def _on_outcome(state: State, item: Input, outcome: VerificationOutcome) -> list[Decision]:
    region = item.subject.region
    gate = state.gate(outcome.garden, region)
    opening = _opening_of(gate, outcome) if gate else None
    if gate is None or opening is None:
        about = f"the opening {outcome.opening!r}" if outcome.opening else "an opening"
        raise RefusedError(
            f"the gate {outcome.garden}/{region} does not remember {about}: "
            "give the id of one of its newest openings, or check region and garden",
            code=404,
        )
    if opening.verified:
        return []  # said before: learning from it twice would be wrong
    opening.verified = True
    before = gate.weight
    gate.weight = learning.next_weight(before, outcome.outcome)
    changes = []
    for name, index in gate.witnesses.items():
        if index in opening.shares:
            trust = gate.trust(index)
            gate.set_trust(index, learning.next_trust(trust, opening.shares[index], outcome.outcome))
            changes.append(TrustChange(witness=name, before=round(trust, 6), after=round(gate.trust(index), 6)))
    moment = _moment(state, item, gate)
    learned = WeightChange(
        **moment.fields("wt"),
        gate=gate.name,
        outcome=outcome.outcome,
        about=outcome.about,
        opening=moment.id_of("tr", opening.seq),
        before=round(before, 6),
        after=round(gate.weight, 6),
        tier=learning.tier_of(gate.weight),
        trust=tuple(changes),
    )
    return [Decision(kind=Kind.WEIGHT, body=learned)]


def _opening_of(gate: Gate, outcome: VerificationOutcome) -> Opening | None:
    if not outcome.opening:
        return gate.openings[-1] if gate.openings else None
    prefix, _, seq = outcome.opening.rpartition("/")
    if prefix != f"tr:{gate.name}" or not seq.isdigit():
        return None
    return next((opening for opening in gate.openings if opening.seq == int(seq)), None)


def _on_rules(state: State, item: Input, change: RuleChange) -> list[Decision]:
    state.rules.change(change, item.seq)
    decisions = []
    for gate in state.gates.values():
        rules = state.rules.of(gate.region, gate.garden)
        if rules != gate.rules:
            gate.rules = rules
            decisions += _look(
                state, item, gate, state.gardens[gate.garden].now_ms, heard=None, cause=Cause.RULES
            )
    return decisions


def _sweep(state: State, item: Input, name: str, garden: Garden, but: Gate | None = None) -> list[Decision]:
    """Look at the restless gates of a garden whose time has moved on, and forget what nobody speaks about."""
    if garden.now_ms - garden.swept_ms < SWEEP_MS:
        return []
    garden.swept_ms = garden.now_ms
    decisions = _prune(state, item, name, garden, but)
    for gate in [gate for gate in state.restless.values() if gate.garden == name and gate is not but]:
        decisions += _look(state, item, gate, garden.now_ms, heard=None)
    return decisions


def _prune(state: State, item: Input, name: str, garden: Garden, but: Gate | None) -> list[Decision]:
    """Remove gates that only a label had founded, that never opened, and that were silent for long."""
    if garden.now_ms - garden.pruned_ms < PRUNE_EVERY_MS:
        return []
    garden.pruned_ms = garden.now_ms
    declared = state.rules.declared()
    decisions: list[Decision] = []
    for key, gate in list(state.gates.items()):
        silent = garden.now_ms - gate.newest_ms >= FORGET_MS
        unproven = gate.state is GateState.STABLE and not gate.openings
        if gate.garden == name and silent and unproven and gate is not but and gate.region not in declared:
            decisions += _decide(_moment(state, item, gate), gate.state, Cause.PRUNED)
            del state.gates[key]
            state.restless.pop(key, None)
    return decisions


def _look(
    state: State, item: Input, gate: Gate, at_ms: int, heard: Heard | None, cause: Cause | None = None
) -> list[Decision]:
    """Move the gate if a transition is due; at most one per input."""
    readout = gate.read(at_ms)
    due = gate.due(at_ms, readout, heard)
    decisions: list[Decision] = []
    if due is not None:
        to_state, own_cause = due
        before = gate.state
        gate.move(to_state, own_cause, at_ms, item.seq, readout)
        decisions = _decide(_moment(state, item, gate), before, cause or own_cause)
    key = (gate.garden, gate.region)
    # A gate that has just moved may be due again, and nobody may ever speak to it any more.
    if gate.state is not GateState.STABLE or (due is not None and gate.due(at_ms, readout, None) is not None):
        state.restless[key] = gate
    else:
        state.restless.pop(key, None)
    return decisions


def _decide(moment: Moment, before: GateState, cause: Cause) -> list[Decision]:
    moved = transition(moment, before, cause)
    decisions = [Decision(kind=Kind.TRANSITION, body=moved)]
    if moved.to_state is GateState.OPEN and moved.tier is Tier.COGNITION:
        decisions.append(Decision(kind=Kind.ESCALATION, body=escalation(moment, moved, "es")))
    elif moved.to_state is GateState.OPEN and cause is Cause.REFLEX:
        decisions.append(Decision(kind=Kind.REFLEX, body=escalation(moment, moved, "rx")))
    if moment.gate.garden != "real":
        decisions.append(Decision(kind=Kind.CORRELATION, body=correlation(moment, moved)))
    return decisions


def _moment(state: State, item: Input, gate: Gate) -> Moment:
    garden = state.gardens[gate.garden]
    return Moment(gate=gate, at_ms=garden.now_ms, seq=item.seq, rules=state.rules.version)
