"""Subjects: the only place that builds or parses `<env>.<domain>.<service>.<detail…>`.

A subject says who speaks and what is said. Tokens are lower case letters, digits, `_` and `-`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from shared.v1.errors import NimmerverseError

ENVIRONMENTS = ("dev", "staging", "prod")
MAX_TOKEN = 64

_MAX_SHOWN = 200  # characters of a wrong subject that a refusal quotes
_MAX_DEAD_TOKENS = 16  # a server hangs up on a subject of more than 4 kB

_REMEMBERED = 8_192  # subjects and labels: the same few come again and again

_TOKEN = re.compile(r"[a-z0-9_-]{1,64}")
_NOT_TOKEN = re.compile(r"[^a-z0-9_-]+")


class SubjectError(NimmerverseError):
    """A subject is not one of ours; the text says what to change."""


class Kind(StrEnum):
    """What a message on a subject is. The value is the last token."""

    WAVE = "wave"
    OUTCOME = "outcome"
    RULES = "rules"
    TICK = "tick"
    TRANSITION = "transition"
    ESCALATION = "escalation"
    REFLEX = "reflex"
    CORRELATION = "correlation"
    WEIGHT = "weight"
    SHADOW = "shadow"
    REQUEST = "request"
    RESPONSE = "response"
    REJECTED = "rejected"
    HEARTBEAT = "heartbeat"
    DEAD = "dead"


DECISIONS = frozenset(
    {Kind.TRANSITION, Kind.ESCALATION, Kind.REFLEX, Kind.CORRELATION, Kind.WEIGHT, Kind.SHADOW}
)
"""What a thalamus says about a region."""


def is_token(text: str) -> bool:
    """True if `text` may stand between two dots of a subject."""
    return _TOKEN.fullmatch(text) is not None


@lru_cache(maxsize=_REMEMBERED)
def token_of(label: str) -> str:
    """Return the token that stands for a free label: "Obstacle left!" → "obstacle-left".

    Raises SubjectError if nothing of the label can be kept.
    """
    token = _NOT_TOKEN.sub("-", label.strip().lower()).strip("-")[:MAX_TOKEN].rstrip("-")
    if not token:
        raise SubjectError(f"the label {label!r} has no letter or digit: name it in a-z, 0-9, _ and -")
    return token


@dataclass(frozen=True, slots=True)
class Address:
    """Where a process stands: domain and service, and the unit where a service has several.

    `Address("nervous", "cells", "math")` · `Address("cognitive", "nyx")` · `Address("organs", "vision")`
    """

    domain: str
    service: str
    unit: str = ""

    @property
    def name(self) -> str:
        """The token that witnesses are known by."""
        return self.unit or self.service

    @property
    def path(self) -> str:
        """The address without environment: `nervous.cells.math`."""
        return ".".join(part for part in (self.domain, self.service, self.unit) if part)

    def subject(self, env: str, *detail: str) -> str:
        """The subject of one detail of this process: `subject("dev", "wave")`."""
        return ".".join((env, self.path, *detail))


THALAMUS = Address("nervous", "thalamus")
GATES_QUESTION = Address("nervous", "thalamus", "gates")
RULES_QUESTION = Address("nervous", "thalamus", "rules")
EXPLAIN_QUESTION = Address("nervous", "thalamus", "explain")
GEMMA = Address("cognitive", "gemma")
NYX = Address("cognitive", "nyx")


@dataclass(frozen=True, slots=True)
class Subject:
    """A parsed subject. `region` is set for decisions and outcomes, `address` names the speaker."""

    env: str
    kind: Kind
    address: Address
    region: str = ""


def outcome(env: str, region: str) -> str:
    """Where an outcome about a region is published."""
    return f"{env}.nervous.outcomes.{region}"


def decision(env: str, region: str, kind: Kind) -> str:
    """Where the thalamus publishes a decision about a region."""
    return THALAMUS.subject(env, region, kind.value)


def dead(env: str, original: str, stream: str, seq: int) -> str:
    """Where a refused message goes: one subject per refusal, so that a repeat is recognised.

    Characters that are no token characters become `-`, and what is very long is cut; the message itself
    names the original subject.
    """
    rest = original.removeprefix(f"{env}.").split(".")[:_MAX_DEAD_TOKENS]
    tokens = (_NOT_TOKEN.sub("-", token.lower())[:MAX_TOKEN] or "-" for token in rest)
    return f"{env}.dead.{'.'.join(tokens)}.{stream.lower()}-{seq}"


@lru_cache(maxsize=_REMEMBERED)
def parse(subject: str) -> Subject:
    """Parse a subject; raise SubjectError with the sentence that says what to change."""
    tokens = subject.split(".")
    for token in tokens:
        if not is_token(token):
            hint = f" (for example {token_of(token)!r})" if _has_token(token) else ""
            raise SubjectError(
                f"the subject {_shown(subject)} has the token {_shown(token)}: "
                f"use 1 to {MAX_TOKEN} of a-z, 0-9, _ and - in each token{hint}"
            )
    if tokens[0] not in ENVIRONMENTS:
        raise SubjectError(f"the subject {_shown(subject)} must begin with one of {', '.join(ENVIRONMENTS)}")
    match tokens:
        case [env, "nervous", "thalamus", ("rules" | "tick") as kind]:
            return Subject(env, Kind(kind), THALAMUS)
        case [env, "nervous", "thalamus", region, kind] if kind in DECISIONS:
            return Subject(env, Kind(kind), THALAMUS, region)
        case [env, "nervous", "outcomes", region]:
            return Subject(env, Kind.OUTCOME, Address("nervous", "outcomes"), region)
        case [env, "nervous", ("cells" | "nerves") as service, unit, "wave"]:
            return Subject(env, Kind.WAVE, Address("nervous", service, unit))
        case [env, "organs", organ, "wave"]:
            return Subject(env, Kind.WAVE, Address("organs", organ))
        case [env, "dead", *_]:
            return Subject(env, Kind.DEAD, Address("dead", "letters"))
        case [env, domain, service, *unit, ("request" | "response" | "rejected" | "heartbeat") as kind] if (
            len(unit) <= 1
        ):
            return Subject(env, Kind(kind), Address(domain, service, *unit))
    raise SubjectError(
        f"the subject {_shown(subject)} is none of ours: waves are published on "
        f"{tokens[0]}.nervous.cells.NAME.wave, {tokens[0]}.nervous.nerves.NAME.wave "
        f"or {tokens[0]}.organs.NAME.wave"
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…")


def _has_token(text: str) -> bool:
    return _NOT_TOKEN.sub("", text.lower()) != ""
