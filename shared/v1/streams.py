"""The streams and durable consumers of one environment, as data.

One server (or one NATS account) serves one environment, so the names carry no environment; the subjects
do. `Bus.apply` makes the server agree with this file and is safe to repeat.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

SENSES = "SENSES"
DECISIONS = "DECISIONS"
COGNITION = "COGNITION"
HEARTBEATS = "HEARTBEATS"
DEAD = "DEAD"

_MIB = 1024 * 1024
_DAY_S = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSpec:
    """A durable pull consumer: a place in a stream that survives its reader."""

    stream: str
    name: str
    filter: str
    description: str
    ack_wait_s: float
    max_deliver: int
    max_ack_pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """A stream with its limits. `max_per_subject` of 0 means no such limit."""

    name: str
    description: str
    subjects: tuple[str, ...]
    max_bytes: int
    max_age_s: int
    max_per_subject: int = 0
    atomic: bool = False
    consumers: tuple[ConsumerSpec, ...] = field(default=())


class Change(StrEnum):
    """What applying does to one stream or consumer."""

    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChange:
    """One line of a plan. `fields` names what differs."""

    name: str
    change: Change
    fields: tuple[str, ...] = ()


def gemma_consumer(env: str) -> ConsumerSpec:
    """Where Function Gemma stands in DECISIONS."""
    return ConsumerSpec(
        stream=DECISIONS,
        name="gemma",
        filter=f"{env}.nervous.thalamus.*.escalation",
        description="Function Gemma turns escalations into typed requests",
        ack_wait_s=4,
        max_deliver=50,
        max_ack_pending=1,
    )


def nyx_consumer(env: str) -> ConsumerSpec:
    """Where Young Nyx stands in COGNITION."""
    return ConsumerSpec(
        stream=COGNITION,
        name="nyx",
        filter=f"{env}.cognitive.nyx.request",
        description="Young Nyx answers requests and commands cells",
        ack_wait_s=4,
        max_deliver=50,
        max_ack_pending=1,
    )


def streams_of(env: str) -> Sequence[StreamSpec]:
    """All streams of an environment, in the order in which they are applied."""
    return (
        StreamSpec(
            name=SENSES,
            description="Everything a gate can be moved by: waves, outcomes, rule changes, ticks",
            subjects=(
                # Any service, so that a mistyped one is refused with a sentence instead of being lost.
                f"{env}.nervous.*.*.wave",
                f"{env}.organs.*.wave",
                f"{env}.nervous.outcomes.*",
                f"{env}.nervous.thalamus.rules",
                f"{env}.nervous.thalamus.tick",
            ),
            max_bytes=2048 * _MIB,
            max_age_s=30 * _DAY_S,
        ),
        StreamSpec(
            name=DECISIONS,
            description="What the thalamus decided; one writer",
            subjects=tuple(
                f"{env}.nervous.thalamus.*.{kind}"
                for kind in ("transition", "escalation", "reflex", "correlation", "weight", "shadow")
            ),
            max_bytes=2048 * _MIB,
            max_age_s=90 * _DAY_S,
            atomic=True,
            consumers=(gemma_consumer(env),),
        ),
        StreamSpec(
            name=COGNITION,
            description="Requests to Young Nyx, her responses, and what was rejected on the way",
            subjects=(
                f"{env}.cognitive.nyx.request",
                f"{env}.cognitive.nyx.response",
                f"{env}.cognitive.*.rejected",
            ),
            max_bytes=1024 * _MIB,
            max_age_s=90 * _DAY_S,
            consumers=(nyx_consumer(env),),
        ),
        StreamSpec(
            name=HEARTBEATS,
            description="The last heartbeat of every process",
            # Written out, because `*` in the first places would overlap with outcomes and dead letters.
            subjects=(
                f"{env}.nervous.cells.*.heartbeat",
                f"{env}.nervous.nerves.*.heartbeat",
                f"{env}.nervous.thalamus.heartbeat",
                f"{env}.cognitive.*.heartbeat",
                f"{env}.organs.*.heartbeat",
            ),
            max_bytes=64 * _MIB,
            max_age_s=_DAY_S,
            max_per_subject=1,
        ),
        StreamSpec(
            name=DEAD,
            description="What was refused, with the reason",
            subjects=(f"{env}.dead.>",),
            max_bytes=1024 * _MIB,
            max_age_s=30 * _DAY_S,
        ),
    )
