"""The closed vocabularies of the wire: every state, cause and verdict, with what it means."""

from enum import IntEnum, StrEnum


class GateState(IntEnum):
    """State of a ternary gate."""

    CLOSED = -1  # suppressing: several witnesses deny
    STABLE = 0  # accumulating
    OPEN = 1  # forwarding: independent witnesses agree


class Cause(StrEnum):
    """Why a gate changed its state."""

    COLLAPSE = "collapse"  # independent witnesses agreed
    REFLEX = "reflex"  # one sure wave sufficed, because the gate's weight is earned
    CONTRADICTION = "contradiction"  # a denying wave took the agreement away
    DECAY = "decay"  # time took the evidence away
    REFRACTORY = "refractory"  # the pause after an opening
    RULES = "rules"  # a rule change moved a threshold
    PRUNED = "pruned"  # nobody spoke about a region that only a label had founded; the gate is gone


class Tier(IntEnum):
    """Who handles an opening; the lower, the faster."""

    REFLEX = 0
    CELL = 1
    NERVE = 2
    ORGAN = 3
    COGNITION = 4
    PARTNERSHIP = 5


class Outcome(StrEnum):
    """What reality said about an opening or an answer."""

    CONFIRMED = "confirmed"
    FAILED = "failed"
    PARTIAL = "partial"


class UnitState(StrEnum):
    """State of a process as its heartbeat tells it."""

    STARTING = "starting"  # connecting, loading, catching up
    READY = "ready"  # doing its work
    IDLE = "idle"  # alive, with nothing to sense on this machine
    LAGGING = "lagging"  # alive, but too far behind its inputs
    DRAINING = "draining"  # finishing what it holds, taking nothing new
    FAILED = "failed"  # alive, and saying why it cannot work


class Decider(StrEnum):
    """What made a request or a response."""

    MODEL = "model"  # a language model under a schema
    RULES = "rules"  # the deterministic rendering of the same schema
