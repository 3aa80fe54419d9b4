"""What the thalamus answers when a person asks about its gates. Nothing here is stored."""

from typing import ClassVar

from pydantic import Field

from shared.v1.messages.base import Garden, Millis, Moment, Number, SignedUnit, Text, Token, Unit, Wire
from shared.v1.messages.decisions import Evidence, GateTransition
from shared.v1.messages.signals import RuleChange
from shared.v1.states import GateState, Tier


class GateView(Wire):
    """A gate as it stands now."""

    gate: Text = Field(description="garden and region: real/math")
    region: Token = Field(description="the region of meaning")
    garden: Garden = Field(description="real, virtual or virtual.RUN")
    state: GateState = Field(description="-1 closed, 0 stable, 1 open")
    value: SignedUnit = Field(description="S / (|S| + θ): the threshold lies at ±0.5")
    correlation: Number = Field(description="S, the corroborated evidence in nats")
    confidence: Unit = Field(description="1 − Π(1 − c·D) over the asserting witnesses")
    weight: Unit = Field(description="how far outcomes have proved this gate right")
    tier: Tier = Field(description="who will handle its next opening")
    witnesses: int = Field(ge=0, description="how many units ever spoke here")
    waves: int = Field(ge=0, description="how many waves lie in its window")
    threshold: Number = Field(description="θ: it opens at S ≥ θ")
    hysteresis: Unit = Field(description="h: it stays open while S ≥ h·θ")
    threshold_closed: Number = Field(description="θ_c: it closes at S < −θ_c")
    tau_ms: Millis = Field(description="the time constant of its memory")


class GardenView(Wire):
    """The time of a garden, and the waves that did not fit into it."""

    garden: Garden = Field(description="real, virtual or virtual.RUN")
    now: Moment = Field(description="the garden's time")
    simulated: bool = Field(description="true if its waves bring their own time")
    late: int = Field(ge=0, description="waves older than the garden")
    future: int = Field(ge=0, description="waves that claimed a time which no other unit confirmed")
    duplicates: int = Field(ge=0, description="waves that were said before")


class GatesAnswer(Wire):
    """All gates, and the place in SENSES at which they stand so."""

    input_seq: int = Field(ge=0, description="the newest position in SENSES that was folded")
    rules: int = Field(ge=0, description="the position in SENSES of the newest rule change")
    at: Moment = Field(description="the time at which values were read out")
    gates: tuple[GateView, ...] = Field(description="in order of garden and region")
    gardens: tuple[GardenView, ...] = Field(default=(), description="in order of name")


class RuleScope(Wire):
    """What was said for one region, one garden, both or all; what is null was not said."""

    region: Token | None = Field(description="the region, null for all")
    garden: Garden | None = Field(description="the garden, null for all")
    tau_ms: int | None = Field(default=None, description="τ in milliseconds")
    threshold: Number | None = Field(default=None, description="θ in nats")
    hysteresis: Number | None = Field(default=None, description="h, 0 to 1")
    threshold_closed: Number | None = Field(default=None, description="θ_c in nats")
    refractory_ms: int | None = Field(default=None, description="milliseconds")
    habituation: Number | None = Field(default=None, description="γ, 0 is none")


class RuleRecord(Wire):
    """A rule change with its place in SENSES."""

    seq: int = Field(ge=1, description="its position in SENSES, which is the version it made")
    change: RuleChange = Field(description="what it changed, who did it, and why")


class RulesAnswer(Wire):
    """The rules that hold, how they came about, and those that are tried beside them."""

    version: int = Field(ge=0, description="the position in SENSES of the newest rule change; 0: the defaults")
    vocabulary: dict[str, Token] = Field(description="which label belongs to which region")
    scopes: tuple[RuleScope, ...] = Field(description="what was said, the later overrules where it is nearer")
    history: tuple[RuleRecord, ...] = Field(description="all rule changes, oldest first")
    shadow_version: int | None = Field(default=None, description="the version of the rules that are tried")
    shadow_scopes: tuple[RuleScope, ...] = Field(default=(), description="what holds in the shadow")


class ExplainQuestion(Wire):
    """Which gate to explain."""

    example: ClassVar[str] = '{"region": "math"}'

    region: Token = Field(description="a region token of a-z, 0-9, _ and -")
    garden: Garden = Field(default="real", description="real, virtual or virtual.RUN")


class WitnessView(Wire):
    """What one witness still says at a gate."""

    witness: Token = Field(description="the unit")
    evidence: Number = Field(description="E, its leaky average in nats")
    says: Number = Field(description="x = w·E·D, what of it is left now")
    others: Number = Field(description="y, what the other witnesses assert")
    contribution: Number = Field(description="its part of S")
    trust: Number = Field(description="w, 0.1 to 2")
    age_ms: Millis = Field(description="milliseconds since its last wave")


class Explanation(Wire):
    """Why a gate is open, or is not."""

    gate: GateView = Field(description="the gate as it stands now")
    input_seq: int = Field(ge=0, description="the newest position in SENSES that was folded")
    rules: int = Field(ge=0, description="the position in SENSES of the newest rule change")
    at: Moment = Field(description="the time at which values were read out")
    witnesses: tuple[WitnessView, ...] = Field(description="in order of their first wave")
    matrix: tuple[tuple[Number, ...], ...] = Field(
        description="who corroborates whom, in nats; rows and columns in order of `witnesses`"
    )
    evidence: tuple[Evidence, ...] = Field(description="the waves of the window, oldest first")
    why: str = Field(description="a sentence: why the gate stands where it stands")
    missing: str = Field(description="a sentence: what would open it; empty if it is open")
    last: GateTransition | None = Field(default=None, description="its last transition")
