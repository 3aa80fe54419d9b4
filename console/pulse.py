"""What can be told of a nervous system by listening to it: a picture that messages change. Pure."""

from collections import deque
from dataclasses import dataclass

from console.essence import essence
from shared.v1.bus import Message
from shared.v1.subjects import NYX, Kind, SubjectError, parse

WINDOW_S = 10.0
"""Seconds over which waves per second are counted."""

_KEPT = 6
_TOLD = frozenset({Kind.TRANSITION, Kind.REFLEX, Kind.WEIGHT, Kind.REJECTED, Kind.DEAD})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person wants to see: a change of a gate, a decision, a refusal."""

    at_s: float
    subject: str
    body: bytes

    @property
    def told(self) -> str:
        """What it says, in one line."""
        return essence(self.subject, self.body)


class Pulse:
    """Counts waves and keeps the last events. Times are seconds of any one clock."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque(maxlen=_KEPT)
        self._waves: deque[float] = deque()

    def take(self, message: Message, now_s: float) -> Event | None:
        """Note a message; return it as an event if it is one."""
        try:
            subject = parse(message.subject)
        except SubjectError:
            return None
        if subject.kind is Kind.WAVE:
            self._waves.append(now_s)
        decided = subject.kind is Kind.RESPONSE and subject.address == NYX
        if subject.kind not in _TOLD and not decided:
            return None
        event = Event(now_s, message.subject, message.body)
        self.events.append(event)
        return event

    def waves_per_second(self, now_s: float) -> float:
        """Waves of the last 10 s, per second."""
        while self._waves and self._waves[0] < now_s - WINDOW_S:
            self._waves.popleft()
        return len(self._waves) / WINDOW_S
