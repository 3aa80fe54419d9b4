"""The chain from two waves to a gate's new weight, recognised link by link among what passes on the wire.

Each link is proved by the ids that it carries: the transition names the waves, the escalation the
transition, the request the escalation, and so on. Pure: messages in, links out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.v1.bus import Message
from shared.v1.cell import COMMAND_HEADER
from shared.v1.errors import RefusedError
from shared.v1.messages import (
    CognitiveRequest,
    CognitiveResponse,
    Escalation,
    GateTransition,
    VerificationOutcome,
    WeightChange,
)
from shared.v1.messages.base import json_object
from shared.v1.states import GateState, Outcome
from shared.v1.subjects import NYX, Kind, Subject, SubjectError, parse

LINKS = ("waves", "transition", "escalation", "request", "response", "command", "result", "outcome", "gate")
"""The links in their order. `waves` is as many messages as were published, the others are one each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A message that was recognised as a part of the chain."""

    name: str
    subject: str
    body: bytes


class Chain:
    """What has been seen so far of the chain that follows from some waves."""

    def __init__(self, waves: Mapping[str, str]) -> None:
        """`waves` are those that will be published: from the id in the body to the subject."""
        self._expected = waves
        self._waves: dict[str, Link] = {}
        self._links: dict[str, Link] = {}
        self._unplaced: list[tuple[Subject, Message]] = []
        self._ids: dict[str, str] = {}  # what later links must name

    @property
    def fault(self) -> str:
        """Why no more can follow, as a sentence: the outcome was not a confirmation; else empty."""
        if "outcome" not in self._links:
            return ""
        outcome = VerificationOutcome.from_bytes(self._links["outcome"].body)
        return "" if outcome.outcome is Outcome.CONFIRMED else f"it {outcome.outcome}: {outcome.detail}"

    @property
    def missing(self) -> tuple[str, ...]:
        """The links that were not seen, in order; empty if the chain is whole."""
        waves = () if len(self._waves) == len(self._expected) else ("waves",)
        return waves + tuple(name for name in LINKS[1:] if name not in self._links)

    def take(self, message: Message) -> list[Link]:
        """Look at a message; return the links that are new with it, in their order.

        A message that comes before its cause is kept until its cause has come.
        """
        try:
            self._unplaced.append((parse(message.subject), message))
        except SubjectError:
            return []
        found = []
        while (link := self._next()) is not None:
            found.append(link)
        return found

    def document(self) -> dict[str, Any]:
        """All links by name: bodies with their subjects, None for what was not seen."""
        seen: dict[str, Any] = {"waves": [_body(self._waves[id]) for id in self._expected if id in self._waves]}
        return seen | {name: _body(self._links[name]) if name in self._links else None for name in LINKS[1:]}

    def _next(self) -> Link | None:
        for place, (subject, message) in enumerate(self._unplaced):
            name = self._place(subject, message)
            if name:
                del self._unplaced[place]
                link = Link(name=name, subject=message.subject, body=message.body)
                if name != "waves":
                    self._links[name] = link
                return link
        return None

    def _place(self, subject: Subject, message: Message) -> str:
        """The name of the link that this message is; empty if it is none (yet)."""
        recognise = _RECOGNISE.get(subject.kind)
        try:
            return recognise(self, subject, message) if recognise else ""
        except RefusedError:
            return ""

    def _wave(self, subject: Subject, message: Message) -> str:
        id = str(json_object(message.body).get("id", ""))
        if self._expected.get(id) != message.subject or id in self._waves:
            return ""
        self._waves[id] = Link(name="waves", subject=message.subject, body=message.body)
        return "waves"

    def _transition(self, subject: Subject, message: Message) -> str:
        transition = GateTransition.from_bytes(message.body)
        opens = (transition.from_state, transition.to_state) == (GateState.STABLE, GateState.OPEN)
        if not opens or not set(self._waves) >= set(self._expected):
            return ""
        if not {wave.id for wave in transition.evidence} >= set(self._expected):
            return ""
        return self._found("transition", transition.id)

    def _escalation(self, subject: Subject, message: Message) -> str:
        escalation = Escalation.from_bytes(message.body)
        follows = escalation.transition == self._ids.get("transition")
        return self._found("escalation", escalation.id) if follows else ""

    def _request(self, subject: Subject, message: Message) -> str:
        if subject.address != NYX:
            return self._command("command", message, after="response")
        request = CognitiveRequest.from_bytes(message.body)
        follows = request.escalation == self._ids.get("escalation")
        return self._found("request", request.id) if follows else ""

    def _response(self, subject: Subject, message: Message) -> str:
        if subject.address != NYX:
            return self._command("result", message, after="command")
        response = CognitiveResponse.from_bytes(message.body)
        if response.request != self._ids.get("request"):
            return ""
        self._ids["commanded"] = response.commands[0].id if response.commands else ""
        return self._found("response", response.id)

    def _command(self, name: str, message: Message, *, after: str) -> str:
        command = message.headers.get(COMMAND_HEADER, "")
        follows = after in self._ids and command != "" and command == self._ids["commanded"]
        return self._found(name, command) if follows else ""

    def _outcome(self, subject: Subject, message: Message) -> str:
        outcome = VerificationOutcome.from_bytes(message.body)
        follows = bool(outcome.about) and outcome.about == self._ids.get("response")
        return self._found("outcome", outcome.about) if follows else ""

    def _weight(self, subject: Subject, message: Message) -> str:
        weight = WeightChange.from_bytes(message.body)
        follows = weight.about == self._ids.get("outcome") and weight.opening == self._ids.get("transition")
        return self._found("gate", weight.id) if follows else ""

    def _found(self, name: str, id: str) -> str:
        if name in self._ids:
            return ""
        self._ids[name] = id
        return name


_RECOGNISE: Mapping[Kind, Callable[[Chain, Subject, Message], str]] = {
    Kind.WAVE: Chain._wave,
    Kind.TRANSITION: Chain._transition,
    Kind.ESCALATION: Chain._escalation,
    Kind.REQUEST: Chain._request,
    Kind.RESPONSE: Chain._response,
    Kind.OUTCOME: Chain._outcome,
    Kind.WEIGHT: Chain._weight,
}


def _body(link: Link) -> dict[str, Any]:
    return {"subject": link.subject, **json_object(link.body)}
