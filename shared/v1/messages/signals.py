"""What goes into SENSES: waves, outcomes, rule changes and ticks. Nothing else moves a gate."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from shared.v1.messages.base import Amount, Garden, Label, Millis, Moment, SignedUnit, Text, Token, Unit, Wire
from shared.v1.states import Outcome


class WaveSignal(Wire):
    """One witness says how sure it is of something. Only `confidence` must be given by hand."""

    example: ClassVar[str] = '{"confidence": 0.6}'

    id: Annotated[Text, Field(min_length=1)] = Field(
        description="a text of 1 to 256 characters that names this wave; "
        "default: Nats-Msg-Id, or stream and sequence"
    )
    source: Text = Field(
        description="a text, UNIT/VERSION/INSTANCE, that begins with the subject's unit token; "
        "default: that token"
    )
    semantic: Label = Field(description="a label of 1 to 128 characters; default: the subject's unit token")
    confidence: Unit = Field(description="a number from 0 to 1: how sure the witness is")
    valence: SignedUnit = Field(default=1.0, description="a number from -1 (denies) to +1 (asserts)")
    observed_at: Moment | None = Field(
        default=None, description="a time with its zone, for example 2026-01-31T12:00:00.000Z"
    )
    garden: Garden = Field(default="real", description="real, virtual or virtual.RUN")
    payload: JsonValue = Field(default=None, description="any JSON, its numbers finite")
    lifeforce_cost: Amount = Field(default=0.0, description="a number, 0 or more")
    synthetic: bool = Field(default=False, description="true or false: no cell signed this wave")
    schema_version: Annotated[int, Field(strict=True)] = Field(
        default=1, ge=1, le=1, alias="schema", description="1, the version of this message"
    )


class VerificationOutcome(Wire):
    """Reality said yes, no or partly about an opening of a gate, or about an answer that followed from it."""

    example: ClassVar[str] = '{"outcome": "confirmed"}'

    outcome: Outcome = Field(description="confirmed, failed or partial")
    about: Text = Field(default="", description="the id of what was verified: a response, a transition")
    opening: Text = Field(default="", description="the id of the transition; default: the gate's last opening")
    source: Text = Field(default="", description="a text that names who verified")
    garden: Garden = Field(default="real", description="real, virtual or virtual.RUN")
    detail: Annotated[str, Field(max_length=2000)] = Field(
        default="", description="a text of at most 2000 characters"
    )


class RuleChange(Wire):
    """Thresholds and vocabulary as data. What is not given stays as it is.

    Without `region` the thresholds are the default of all regions, without `garden` those of every garden.
    With `shadow` "on" the change holds for rules that are only tried beside the live ones.
    """

    example: ClassVar[str] = '{"region": "math", "threshold": 0.8}'

    region: Token | None = Field(default=None, description="a region token of a-z, 0-9, _ and -")
    garden: Garden | None = Field(default=None, description="real, virtual or virtual.RUN")
    tau_ms: Annotated[int, Field(strict=True, ge=10, le=3_600_000)] | None = Field(
        default=None, description="a whole number of milliseconds from 10 to 3600000"
    )
    threshold: Annotated[float, Field(strict=True, ge=0.01, le=100)] | None = Field(
        default=None, description="a number from 0.01 to 100: θ"
    )
    hysteresis: Annotated[float, Field(strict=True, ge=0, le=1)] | None = Field(
        default=None, description="a number from 0 to 1: h, the share of θ below which an open gate closes"
    )
    threshold_closed: Annotated[float, Field(strict=True, ge=0.01, le=100)] | None = Field(
        default=None, description="a number from 0.01 to 100: θ of denial"
    )
    refractory_ms: Annotated[int, Field(strict=True, ge=0, le=3_600_000)] | None = Field(
        default=None, description="a whole number of milliseconds from 0 to 3600000"
    )
    habituation: Annotated[float, Field(strict=True, ge=0, le=10)] | None = Field(
        default=None, description="a number from 0 (none) to 10: γ, how much of the usual is taken off"
    )
    vocabulary: dict[Label, Token] = Field(
        default_factory=dict,
        max_length=10_000,
        description="an object from labels to region tokens of a-z, 0-9, _ and -",
    )
    rollback_to: Annotated[int, Field(strict=True, ge=0)] | None = Field(
        default=None, description="the position of an earlier rule change, or 0: all later ones are taken back"
    )
    shadow: Literal["on", "off"] | None = Field(
        default=None, description="on: try this beside the live rules; off: end the trial; default: live"
    )
    who: Text = Field(default="", description="a text: who changes the rules")
    why: Text = Field(default="", description="a text: why the rules change")


class Tick(Wire):
    """Time passes although nothing is said. Its time is the stream's receive time."""

    example: ClassVar[str] = "{}"

    interval_ms: Millis = Field(default=0, description="a whole number of milliseconds")
