"""What passes between Function Gemma (the boundary) and Young Nyx (the mind), and what Nyx commands."""

from typing import Annotated

from pydantic import Field, JsonValue

from shared.v1.messages.base import Amount, Garden, Label, Millis, Moment, Text, Token, Unit, Wire
from shared.v1.states import Decider

LongText = Annotated[str, Field(max_length=4000)]


class Fact(Wire):
    """One value out of a wave's payload, copied by code and quoted: it never steers anything."""

    name: Label = Field(description="the key in the payload")
    value: JsonValue = Field(description="the value in the payload")
    wave: Text = Field(description="the id of the wave it came from")
    witness: Token = Field(description="the unit that spoke")
    confidence: Unit = Field(description="how sure that wave was")


class Command(Wire):
    """A verb of a unit's manifest, with arguments that its schema accepts."""

    target: Text = Field(description="the address of the unit: nervous.cells.math")
    verb: Token = Field(description="a verb of the unit's manifest")
    arguments: dict[str, JsonValue] = Field(default_factory=dict, description="what the verb's schema accepts")
    id: Text = Field(default="", description="repeating a command under one id is harmless")
    about: Text = Field(default="", description="the id of the answer that it follows from")


class Action(Wire):
    """One thing that may be done: a command, or nothing. `confidence` is the prior from the evidence."""

    id: Text = Field(description="what a model chooses by: math.compute, observe")
    confidence: Unit = Field(description="the share of the prior")
    command: Command | None = Field(default=None, description="what would be commanded; null: only observe")


class CognitiveRequest(Wire):
    """An escalation as strictly typed choices: this, and not the waves, is what a mind reads."""

    id: Text = Field(description="an id made of garden, region and input position")
    escalation: Text = Field(description="the id of the escalation")
    transition: Text = Field(description="the id of the opening")
    event: Label = Field(description="one of the labels that the evidence carried")
    region: Token = Field(description="the region of meaning")
    garden: Garden = Field(description="real, virtual or virtual.RUN")
    confidence: Unit = Field(description="the amplified confidence")
    facts: tuple[Fact, ...] = Field(default=(), description="values copied from the waves' payloads")
    actions: tuple[Action, ...] = Field(min_length=1, description="what may be done, most likely first")
    suggested: Text = Field(description="the action the boundary would choose")
    rendered_by: Decider = Field(description="model, or rules when the model was absent, late or wrong")
    budget: Amount = Field(description="lifeforce that the thought may cost")
    deadline: Moment = Field(description="when an answer is no use any more")
    evidence: tuple[Text, ...] = Field(default=(), description="the ids of the waves")


class CognitiveResponse(Wire):
    """What Young Nyx decided."""

    id: Text = Field(description="an id made of garden, region and input position")
    request: Text = Field(description="the id of the request")
    transition: Text = Field(description="the id of the opening")
    region: Token = Field(description="the region of meaning")
    garden: Garden = Field(description="real, virtual or virtual.RUN")
    decision: Text = Field(description="the id of the chosen action")
    answer: LongText = Field(default="", description="a sentence for people")
    confidence: Unit = Field(description="the posterior of the chosen action")
    commands: tuple[Command, ...] = Field(default=(), description="what is commanded, in order")
    decided_by: Decider = Field(description="model: weighed by a model; rules: by the prior alone")
    model: Text = Field(default="", description="the model that weighed")
    lifeforce_spent: Amount = Field(default=0.0, description="what the thought cost")
    duration_ms: Millis = Field(default=0, description="milliseconds from request to decision")


class Rejection(Wire):
    """What a model said that the schema did not accept; the chain went on without it."""

    about: Text = Field(description="the id of the escalation or request")
    reason: LongText = Field(description="why it was refused")
    said: LongText = Field(default="", description="the beginning of what the model said")
    model: Text = Field(default="", description="the model")
