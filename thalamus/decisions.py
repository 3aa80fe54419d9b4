"""From a gate at a moment to the messages that are published: what is shown, and how it is rounded."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.v1.messages import CorrelationEvent, Escalation, Evidence, GateTransition, Wire
from shared.v1.states import Cause, GateState, Tier
from shared.v1.subjects import Kind
from thalamus.gate import Gate, Readout
from thalamus.learning import tier_of
from thalamus.ring import Heard

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is published about a region: the kind names the subject."""

    kind: Kind
    body: Any

    @property
    def region(self) -> str:
        """The region whose subject carries it."""
        region: str = self.body.region
        return region

    def to_bytes(self) -> bytes:
        """The canonical body."""
        wire: Wire = self.body
        return wire.to_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A gate at the input that makes it speak."""

    gate: Gate
    at_ms: int
    seq: int
    rules: int

    def id_of(self, kind: str, seq: int) -> str:
        """The id of a decision: its kind, its gate, and the input that caused it."""
        return f"{kind}:{self.gate.name}/{seq}"

    def fields(self, kind: str) -> dict[str, Any]:
        """What all decisions carry."""
        return {
            "id": self.id_of(kind, self.seq),
            "region": self.gate.region,
            "garden": self.gate.garden,
            "input_seq": self.seq,
            "rules": self.rules,
            "at": time_of(self.at_ms),
        }


def time_of(at_ms: int) -> datetime:
    """Milliseconds as a time, without the rounding of a float."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def shown(number: float) -> float:
    """A number as decisions show it: six decimals, no minus zero."""
    return round(number, 6) + 0.0


def shown_value(total: float, threshold: float) -> float:
    """S / (|S| + θ), −1…+1: the threshold lies at ±0.5."""
    return shown(total / (abs(total) + threshold))


def evidence_at(gate: Gate, at_ms: int, readout: Readout) -> tuple[Evidence, ...]:
    """The waves of the window with what each contributed to S, oldest first.

    E is linear in the waves, so a witness's part of S is split over its waves exactly: a wave has in E the
    share with which it entered (its gain), worn down by every later wave of that witness.
    """
    window = gate.window(at_ms)
    names = list(gate.witnesses)
    coefficients = _coefficients(window)
    shown_waves = []
    for heard, coefficient in zip(window, coefficients, strict=True):
        average = gate.average(heard.witness)
        part = readout.contributions[heard.witness] * coefficient * heard.evidence / average if average else 0.0
        shown_waves.append(
            Evidence(
                seq=heard.seq,
                witness=names[heard.witness],
                semantic=heard.semantic,
                confidence=heard.confidence,
                valence=heard.valence,
                age_ms=max(0, at_ms - heard.at_ms),
                contribution=shown(part),
                id=heard.id,
                source=heard.source,
            )
        )
    return tuple(shown_waves)


def _coefficients(window: list[Heard]) -> list[float]:
    """What share of its witness's E each wave of the window still has, 0…1."""
    worn: dict[int, float] = {}  # witness → what its later waves have left of an earlier one
    coefficients = []
    for heard in reversed(window):
        left = worn.get(heard.witness, 1.0)
        coefficients.append(heard.gain * left)
        worn[heard.witness] = left * (1.0 - heard.gain)
    coefficients.reverse()
    return coefficients


def matrix_of(readout: Readout) -> tuple[tuple[float, ...], ...]:
    """Who corroborates whom: for i ≠ j the part of S that is due to the pair, x_i·x_j·(1/(1+y_i) + 1/(1+y_j)).

    Since x_i·y_i/(1+y_i) = Σ_j x_i·x_j/(1+y_i), the entries above the diagonal sum to the asserting part of S.
    The diagonal holds the denials, which need nobody.
    """
    asserting = [max(0.0, said) for said in readout.says]
    total = 0.0
    for said in asserting:
        total += said
    weights = [1.0 / (1.0 + total - said) for said in asserting]
    return tuple(
        tuple(
            shown(min(0.0, readout.says[i]))
            if i == j
            else shown(asserting[i] * asserting[j] * (weights[i] + weights[j]))
            for j in range(len(asserting))
        )
        for i in range(len(asserting))
    )


def transition(moment: Moment, before: GateState, cause: Cause) -> GateTransition:
    """The message of a transition that the gate has just made."""
    gate = moment.gate
    readout = gate.read(moment.at_ms)
    tier = Tier.REFLEX if cause is Cause.REFLEX else tier_of(gate.weight)
    return GateTransition(
        **moment.fields("tr"),
        gate=gate.name,
        from_state=before,
        to_state=gate.state,
        cause=cause,
        value=shown_value(readout.total, gate.rules.threshold),
        correlation=shown(readout.total),
        confidence=shown(readout.confidence),
        weight=shown(gate.weight),
        tier=tier,
        evidence=evidence_at(gate, moment.at_ms, readout),
        lifeforce_cost=shown(sum(heard.cost for heard in gate.window(moment.at_ms))),
    )


def escalation(moment: Moment, moved: GateTransition, prefix: str) -> Escalation:
    """The opening as cognition (or, for a reflex, the actor) receives it."""
    return Escalation(
        **moment.fields(prefix),
        transition=moved.id,
        confidence=moved.confidence,
        correlation=moved.correlation,
        weight=moved.weight,
        tier=moved.tier,
        evidence=moved.evidence,
    )


def correlation(moment: Moment, moved: GateTransition) -> CorrelationEvent:
    """Who agreed with whom, for training."""
    gate = moment.gate
    ages = [wave.age_ms for wave in moved.evidence]
    return CorrelationEvent(
        **moment.fields("co"),
        transition=moved.id,
        window_ms=max(ages, default=0) - min(ages, default=0),
        witnesses=tuple(gate.witnesses),
        matrix=matrix_of(gate.read(moment.at_ms)),
        to_state=moved.to_state,
    )
