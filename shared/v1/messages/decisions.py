"""What the thalamus says in DECISIONS. Every number follows from SENSES; shown numbers are rounded to 1e-6."""

from pydantic import Field

from shared.v1.messages.base import (
    Amount,
    Garden,
    Label,
    Millis,
    Moment,
    Number,
    SignedUnit,
    Text,
    Token,
    Unit,
    Wire,
)
from shared.v1.states import Cause, GateState, Outcome, Tier


class Evidence(Wire):
    """One wave of the window, and what it contributed."""

    seq: int = Field(ge=1, description="the wave's position in SENSES")
    witness: Token = Field(description="the unit that spoke")
    semantic: Label = Field(description="the label the wave carried")
    confidence: Unit = Field(description="a number from 0 to 1")
    valence: SignedUnit = Field(description="a number from -1 to +1")
    age_ms: Millis = Field(description="milliseconds between the wave and the decision")
    contribution: Number = Field(description="its part of the sum S, in nats")
    id: Text = Field(default="", description="the id of the wave")
    source: Text = Field(default="", description="unit, version and instance that spoke")


class _Decision(Wire):
    """What all decisions carry."""

    id: Text = Field(description="an id made of kind, garden, region and input position")
    region: Token = Field(description="the region of meaning")
    garden: Garden = Field(description="real, virtual or virtual.RUN")
    input_seq: int = Field(ge=1, description="the position in SENSES of the input that caused it")
    rules: int = Field(
        ge=0, description="the position in SENSES of the newest rule change; 0 is the default rules"
    )
    at: Moment = Field(description="the garden's time")


class GateTransition(_Decision):
    """A gate changed its state, and why."""

    gate: Text = Field(description="garden and region: real/math")
    from_state: GateState = Field(description="-1 closed, 0 stable, 1 open")
    to_state: GateState = Field(description="-1 closed, 0 stable, 1 open")
    cause: Cause = Field(description="why the state changed")
    value: SignedUnit = Field(description="S / (|S| + θ): the threshold lies at ±0.5")
    correlation: Number = Field(description="S, the corroborated evidence in nats")
    confidence: Unit = Field(description="1 − Π(1 − c·D) over the asserting witnesses")
    weight: Unit = Field(description="how far outcomes have proved this gate right")
    tier: Tier = Field(description="who handles it: 0 reflex, 1 cell, 2 nerve, 4 cognition")
    evidence: tuple[Evidence, ...] = Field(default=(), description="the waves of the window, oldest first")
    lifeforce_cost: Amount = Field(default=0.0, description="what the waves of the evidence cost")


class Escalation(_Decision):
    """The opening of a gate that goes to cognition: a transition, amplified and named."""

    transition: Text = Field(description="the id of the transition")
    confidence: Unit = Field(description="the amplified confidence")
    correlation: Number = Field(description="S, the corroborated evidence in nats")
    weight: Unit = Field(description="the gate's weight at the opening")
    tier: Tier = Field(description="who handles it")
    evidence: tuple[Evidence, ...] = Field(description="the waves of the window, oldest first")


class CorrelationEvent(_Decision):
    """Who agreed with whom when a virtual gate changed: the training view of a transition."""

    transition: Text = Field(description="the id of the transition")
    window_ms: Millis = Field(description="milliseconds that the evidence spans")
    witnesses: tuple[Token, ...] = Field(description="row and column order of the matrix")
    matrix: tuple[tuple[Number, ...], ...] = Field(description="pairwise corroboration in nats, symmetric")
    to_state: GateState = Field(description="what came of it: -1, 0 or 1")


class TrustChange(Wire):
    """How an outcome moved the trust in one witness."""

    witness: Token = Field(description="the unit")
    before: Number = Field(description="trust before, 0.1 to 2")
    after: Number = Field(description="trust after, 0.1 to 2")


class WeightChange(_Decision):
    """An outcome taught a gate and its witnesses something."""

    gate: Text = Field(description="garden and region: real/math")
    outcome: Outcome = Field(description="confirmed, failed or partial")
    about: Text = Field(default="", description="the id of what was verified")
    opening: Text = Field(description="the id of the transition that was verified")
    before: Unit = Field(description="weight before")
    after: Unit = Field(description="weight after")
    tier: Tier = Field(description="who will handle the next opening")
    trust: tuple[TrustChange, ...] = Field(default=(), description="the witnesses of that opening")
