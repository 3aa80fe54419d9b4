"""The messages of the wire: flat JSON objects, made to be typed by hand.

`signals` go into SENSES, `decisions` come from the thalamus, `cognition` passes between Function Gemma
and Young Nyx, `vital` is what processes say of themselves and of what they refused, `questions` is what
the thalamus answers to people.
"""

from shared.v1.messages.base import Wire
from shared.v1.messages.cognition import Action, CognitiveRequest, CognitiveResponse, Command, Fact, Rejection
from shared.v1.messages.decisions import (
    CorrelationEvent,
    Escalation,
    Evidence,
    GateTransition,
    TrustChange,
    WeightChange,
)
from shared.v1.messages.questions import (
    ExplainQuestion,
    Explanation,
    GardenView,
    GatesAnswer,
    GateView,
    RuleRecord,
    RulesAnswer,
    RuleScope,
    WitnessView,
)
from shared.v1.messages.signals import RuleChange, Tick, VerificationOutcome, WaveSignal
from shared.v1.messages.vital import DeadLetter, Heartbeat

__all__ = [
    "Action",
    "CognitiveRequest",
    "CognitiveResponse",
    "Command",
    "CorrelationEvent",
    "DeadLetter",
    "Escalation",
    "Evidence",
    "ExplainQuestion",
    "Explanation",
    "Fact",
    "GardenView",
    "GateTransition",
    "GateView",
    "GatesAnswer",
    "Heartbeat",
    "Rejection",
    "RuleChange",
    "RuleRecord",
    "RuleScope",
    "RulesAnswer",
    "Tick",
    "TrustChange",
    "VerificationOutcome",
    "WaveSignal",
    "WeightChange",
    "Wire",
    "WitnessView",
]
