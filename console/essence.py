"""One line per message for people: what a body says, and the colour of its domain.

What comes from the wire is data of strangers: it is shown without control characters, never as markup,
and a body that is not what its subject promises is shown as it is.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from shared.v1.states import GateState
from shared.v1.subjects import Kind, SubjectError, parse

MAX_CHARACTERS = 240

COLOURS = {"cognitive": "#af5fff", "nervous": "cyan", "organs": "#ff7f50", "dead": "red"}
"""Colour of a domain: cognitive violet, nervous cyan, organs coral."""

Fields = Mapping[str, Any]


def colour_of(subject: str) -> str:
    """The rich colour of a subject's domain."""
    domain = subject.split(".")[1:2]
    return COLOURS.get(domain[0], "default") if domain else "default"


def essence(subject: str, body: bytes) -> str:
    """What a message says, in at most 240 printable characters."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return printable(f"{len(body)} bytes that are not JSON: {body[:80]!r}")
    teller = _teller(subject)
    if teller is None or not isinstance(fields, dict):
        return printable(_compact(fields))
    try:
        return printable(teller(fields))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return printable(_compact(fields))


def printable(text: str) -> str:
    """Text without control characters, cut to one line."""
    plain = without_controls(text)
    return plain if len(plain) <= MAX_CHARACTERS else plain[: MAX_CHARACTERS - 1] + "…"


def without_controls(text: str) -> str:
    """Text in which nothing moves a terminal's cursor or colours it."""
    return "".join(character if character.isprintable() else "·" for character in text)


def gate_state(value: int) -> str:
    """The name of a gate's state: 1 → OPEN."""
    return GateState(value).name


def _teller(subject: str) -> Callable[[Fields], str] | None:
    try:
        parsed = parse(subject)
    except SubjectError:
        return None
    if parsed.kind in (Kind.REQUEST, Kind.RESPONSE) and parsed.address.path != "cognitive.nyx":
        return None  # each unit has its own schema
    return _TELLERS.get(parsed.kind)


def _wave(fields: Fields) -> str:
    words = [f"{fields.get('semantic', '')} {fields['confidence']:.2f}".strip()]
    if fields.get("valence", 1) != 1:
        words.append(f"valence {fields['valence']:+.2f}")
    if fields.get("payload") is not None:
        words.append(_compact(fields["payload"]))
    return "  ".join(words)


def _transition(fields: Fields) -> str:
    said = ", ".join(f"{wave['witness']} {wave['confidence']:.2f}" for wave in fields["evidence"])
    return (
        f"{gate_state(fields['from_state'])} → {gate_state(fields['to_state'])}  {fields['cause']}  "
        f"S {fields['correlation']:.2f}  confidence {fields['confidence']:.2f}"
        + (f"  by {said}" if said else "")
    )


def _escalation(fields: Fields) -> str:
    return f"confidence {fields['confidence']:.2f}  S {fields['correlation']:.2f}  to tier {fields['tier']}"


def _weight(fields: Fields) -> str:
    return f"weight {fields['before']:.3f} → {fields['after']:.3f}  {fields['outcome']}"


def _outcome(fields: Fields) -> str:
    return "  ".join(
        part for part in (fields["outcome"], fields.get("about", ""), fields.get("detail", "")) if part
    )


def _question(fields: Fields) -> str:
    offered = ", ".join(f"{action['id']} {action['confidence']:.2f}" for action in fields["actions"])
    return f"{fields['event']} {fields['confidence']:.2f}  {offered}  by {fields['rendered_by']}"


def _answer(fields: Fields) -> str:
    decided = f"{fields['decision']} {fields['confidence']:.2f}  by {fields['decided_by']}"
    return f"{decided}  {fields['answer']}" if fields.get("answer") else decided


def _reason(fields: Fields) -> str:
    return str(fields["reason"])


def _heartbeat(fields: Fields) -> str:
    return f"{fields['state']}  {fields.get('detail', '')}".strip()


def _rules(fields: Fields) -> str:
    return _compact({key: value for key, value in fields.items() if value not in (None, "", {})})


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_TELLERS: Mapping[Kind, Callable[[Fields], str]] = {
    Kind.WAVE: _wave,
    Kind.TRANSITION: _transition,
    Kind.ESCALATION: _escalation,
    Kind.WEIGHT: _weight,
    Kind.OUTCOME: _outcome,
    Kind.REQUEST: _question,
    Kind.RESPONSE: _answer,
    Kind.REJECTED: _reason,
    Kind.DEAD: _reason,
    Kind.HEARTBEAT: _heartbeat,
    Kind.RULES: _rules,
}
