"""Who says what to whom: the table of subjects that the AsyncAPI document is made from.

Names in braces are parameters of a subject; what they stand for is in `PARAMETERS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.v1.messages import (
    CognitiveRequest,
    CognitiveResponse,
    CorrelationEvent,
    DeadLetter,
    Escalation,
    ExplainQuestion,
    Explanation,
    GatesAnswer,
    GateTransition,
    Heartbeat,
    Rejection,
    RuleChange,
    RulesAnswer,
    Tick,
    VerificationOutcome,
    WaveSignal,
    WeightChange,
    Wire,
)

TAIL = "original"
"""The one parameter that stands for several tokens."""

PARAMETERS = {
    "env": "the environment: one server, or one NATS account, serves one",
    "cell": "the name of a cell, which is the witness of its waves",
    "nerve": "the name of a nerve, which is the witness of its waves",
    "organ": "the name of an organ, which is the witness of its waves",
    "region": "a region of meaning",
    "mind": "a process of cognition: gemma, nyx",
    TAIL: "the refused subject without its environment, and where the message is: STREAM-SEQUENCE",
}

CELLS, NERVES, ORGANS = "cells", "nerves", "organs"
THALAMUS, GEMMA, NYX, PEOPLE = "thalamus", "gemma", "nyx", "people"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A family of subjects on which one kind of message passes.

    `message` is None where a unit's manifest says what the fields are. `answer` is what comes back to the
    reply inbox, if anything does.
    """

    name: str
    address: str
    says: str
    message: type[Wire] | None
    senders: Sequence[str]
    receivers: Sequence[str] = ()
    is_question: bool = False
    answer: type[Wire] | None = None
    headers: Sequence[str] = field(default=())


def _decision(kind: str, says: str, message: type[Wire], *receivers: str) -> Channel:
    return Channel(
        name=f"thalamus.{kind}",
        address=f"{{env}}.nervous.thalamus.{{region}}.{kind}",
        says=says,
        message=message,
        senders=[THALAMUS],
        receivers=[*receivers, PEOPLE],
    )


def _question(kind: str, says: str, message: type[Wire] | None, answer: type[Wire]) -> Channel:
    return Channel(
        name=f"thalamus.{kind}.request",
        address=f"{{env}}.nervous.thalamus.{kind}.request",
        says=says,
        message=message,
        senders=[PEOPLE],
        receivers=[THALAMUS],
        is_question=True,
        answer=answer,
    )


_UNITS = (
    (CELLS, "{env}.nervous.cells.{cell}"),
    (NERVES, "{env}.nervous.nerves.{nerve}"),
    (ORGANS, "{env}.organs.{organ}"),
)
_PROCESSES = (*_UNITS, (THALAMUS, "{env}.nervous.thalamus"), ("cognition", "{env}.cognitive.{mind}"))
_SPEAKERS = {"cognition": (GEMMA, NYX)}

CHANNELS: Sequence[Channel] = (
    *(
        Channel(
            name=f"{service}.wave",
            address=f"{address}.wave",
            says=f"what {service} sense, and how sure they are",
            message=WaveSignal,
            senders=[service, PEOPLE],
            receivers=[THALAMUS],
            headers=["Nats-Msg-Id", "traceparent"],
        )
        for service, address in _UNITS
    ),
    Channel(
        name="outcomes",
        address="{env}.nervous.outcomes.{region}",
        says="what reality said about an opening, or about an answer that followed from it",
        message=VerificationOutcome,
        senders=[PEOPLE],
        receivers=[THALAMUS],
    ),
    Channel(
        name="thalamus.rules",
        address="{env}.nervous.thalamus.rules",
        says="thresholds and vocabulary",
        message=RuleChange,
        senders=[PEOPLE, THALAMUS],
        receivers=[THALAMUS],
    ),
    Channel(
        name="thalamus.tick",
        address="{env}.nervous.thalamus.tick",
        says="time passes although nothing is said",
        message=Tick,
        senders=[THALAMUS],
        receivers=[THALAMUS],
    ),
    _decision("transition", "a gate changed its state, with the evidence", GateTransition),
    _decision("escalation", "an opening that goes to cognition", Escalation, GEMMA),
    _decision("reflex", "an opening that needs no thought", Escalation),
    _decision("correlation", "who agreed with whom when a virtual gate changed", CorrelationEvent),
    _decision("weight", "what an outcome taught a gate and its witnesses", WeightChange),
    _decision("shadow", "a transition under rules that are only tried", GateTransition),
    Channel(
        name="nyx.request",
        address="{env}.cognitive.nyx.request",
        says="an escalation as typed choices",
        message=CognitiveRequest,
        senders=[GEMMA],
        receivers=[NYX],
        headers=["Nimmerverse-Answers"],
    ),
    Channel(
        name="nyx.response",
        address="{env}.cognitive.nyx.response",
        says="what was decided",
        message=CognitiveResponse,
        senders=[NYX],
        receivers=[PEOPLE],
        headers=["Nimmerverse-Answers"],
    ),
    Channel(
        name="cognition.rejected",
        address="{env}.cognitive.{mind}.rejected",
        says="what a model said that its schema did not accept",
        message=Rejection,
        senders=[GEMMA, NYX],
        receivers=[PEOPLE],
    ),
    *(
        Channel(
            name=f"{service}.request",
            address=f"{address}.request",
            says="a question or a command, whose fields the unit's manifest declares",
            message=None,
            senders=[NYX, PEOPLE],
            receivers=[service],
            is_question=True,
            headers=["Nimmerverse-Command"],
        )
        for service, address in _UNITS
    ),
    *(
        Channel(
            name=f"{service}.response",
            address=f"{address}.response",
            says="a copy of what was answered",
            message=None,
            senders=[service],
            receivers=[PEOPLE],
        )
        for service, address in _UNITS
    ),
    _question("gates", "how all gates stand", None, GatesAnswer),
    _question("explain", "why a gate stands where it stands", ExplainQuestion, Explanation),
    _question("rules", "which rules hold, and how they came about", None, RulesAnswer),
    *(
        Channel(
            name=f"{service}.heartbeat",
            address=f"{address}.heartbeat",
            says="who lives, and how",
            message=Heartbeat,
            senders=_SPEAKERS.get(service, (service,)),
            receivers=[PEOPLE],
        )
        for service, address in _PROCESSES
    ),
    Channel(
        name="dead",
        address=f"{{env}}.dead.{{{TAIL}}}",
        says="what was refused, whole, with the sentence that says what to change",
        message=DeadLetter,
        senders=[THALAMUS, GEMMA, NYX],
        receivers=[PEOPLE],
        headers=["Nats-Msg-Id"],
    ),
)
