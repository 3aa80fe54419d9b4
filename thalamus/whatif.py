"""What would have been decided under other rules: two folds of the same inputs, and how they differ.

Pure, like the fold. The other rules hold from the start of the range to its end: recorded rule changes are
folded too, but do not take back what is asked about.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared.v1.errors import RefusedError
from shared.v1.messages import GateTransition, RuleChange, WaveSignal
from shared.v1.states import GateState
from shared.v1.subjects import THALAMUS, Kind, Subject
from thalamus.fold import Input, State, milliseconds, step
from thalamus.rules import Rules

WITHIN_MS = 5_000
"""A transition that comes earlier or later by at most this much has moved; else one is lost and one gained."""


class PinnedRules(Rules):
    """Rules of which a part stays as it is, whatever is changed afterwards."""

    def __init__(self, rules: Rules, pins: Sequence[RuleChange]) -> None:
        super().__init__(
            version=rules.version,
            vocabulary=dict(rules.vocabulary),
            overlays={scope: dict(overlay) for scope, overlay in rules.overlays.items()},
            history=list(rules.history),
        )
        self._pins = tuple(pins)

    def change(self, change: RuleChange, seq: int) -> None:
        """Take over a recorded change, then what is pinned. Raises RefusedError as Rules does."""
        super().change(change, seq)
        for pin in self._pins:
            super().change(pin, seq)
            self.history.pop()  # a recorded rollback goes back to recorded rules


@dataclass(slots=True)
class Course:
    """One way things could have gone: a state, and the transitions on the way."""

    state: State
    transitions: list[GateTransition] = field(default_factory=list)
    _first_ms: int = 0  # receive times of the first and the newest input
    _last_ms: int = 0
    _began: dict[str, int] = field(default_factory=dict)  # garden → its time after its first wave here

    @classmethod
    def after(cls, state: State, pins: Sequence[RuleChange] = ()) -> "Course":
        """A course that goes on from a copy of a state, under these rules if there are any."""
        course = cls(copy.deepcopy(state))
        course.state.shadow = None  # what is tried decides nothing
        if pins:
            course.state.rules = PinnedRules(course.state.rules, pins)
            rules = Subject("dev", Kind.RULES, THALAMUS)
            course._step(Input(seq=state.seq, at_ms=0, subject=rules, body=RuleChange()))
        return course

    def take(self, item: Input) -> None:
        """Fold one input. What is refused moves nothing."""
        self._first_ms = self._first_ms or item.at_ms
        self._last_ms = max(self._last_ms, item.at_ms)
        if isinstance(item.body, RuleChange) and item.body.shadow is not None:
            return
        self._step(item)
        if isinstance(item.body, WaveSignal) and item.body.garden in self.state.gardens:
            self._began.setdefault(item.body.garden, self.state.gardens[item.body.garden].now_ms)

    def _step(self, item: Input) -> None:
        try:
            decisions = step(self.state, item)
        except RefusedError:
            return
        self.transitions += [made.body for made in decisions if made.kind is Kind.TRANSITION]

    def of(self, garden: str) -> list[GateTransition]:
        """The transitions of a garden, of all gardens if it is empty."""
        return [moved for moved in self.transitions if garden in ("", moved.garden)]

    def elapsed_ms(self, garden: str) -> int:
        """Milliseconds that passed in a garden: its own if it is simulated, else those of the log."""
        known = self.state.gardens.get(garden)
        if known is not None and known.simulated:
            return known.now_ms - self._began.get(garden, known.now_ms)
        return self._last_ms - self._first_ms

    def openings(self, garden: str) -> int:
        """How many gates of a garden (empty: of all) opened."""
        return sum(moved.to_state is GateState.OPEN for moved in self.of(garden))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A transition that comes at another time; `shift_ms` is negative if it comes earlier."""

    before: GateTransition
    after: GateTransition

    @property
    def shift_ms(self) -> int:
        """Milliseconds from the one to the other, in the garden's time."""
        return _ms(self.after) - _ms(self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How two courses differ; each list in order of time."""

    same: int
    gained: tuple[GateTransition, ...]
    lost: tuple[GateTransition, ...]
    moved: tuple[Moved, ...]


def compare(
    before: Sequence[GateTransition], after: Sequence[GateTransition], *, within_ms: int = WITHIN_MS
) -> Comparison:
    """Pair transitions of the same gate from and to the same state, nearest in time first."""
    same = 0
    gained: list[GateTransition] = []
    lost: list[GateTransition] = []
    moved: list[Moved] = []
    after_by_kind, before_by_kind = _by_kind(after), _by_kind(before)
    for kind in {**before_by_kind, **after_by_kind}:
        olds, news = before_by_kind.get(kind, []), after_by_kind.get(kind, [])
        pairs = _pairs([_ms(old) for old in olds], [_ms(new) for new in news], within_ms)
        partners = dict(pairs)
        paired = set(partners.values())
        for index, old in enumerate(olds):
            if index not in partners:
                lost.append(old)
                continue
            found = Moved(before=old, after=news[partners[index]])
            if found.shift_ms:
                moved.append(found)
            else:
                same += 1
        gained += [new for index, new in enumerate(news) if index not in paired]
    return Comparison(
        same=same,
        gained=tuple(sorted(gained, key=_ms)),
        lost=tuple(sorted(lost, key=_ms)),
        moved=tuple(sorted(moved, key=lambda found: _ms(found.before))),
    )


def _by_kind(
    transitions: Iterable[GateTransition],
) -> dict[tuple[str, GateState, GateState], list[GateTransition]]:
    found: dict[tuple[str, GateState, GateState], list[GateTransition]] = {}
    for moved in transitions:
        found.setdefault((moved.gate, moved.from_state, moved.to_state), []).append(moved)
    return found


def _pairs(olds: Sequence[int], news: Sequence[int], within_ms: int) -> list[tuple[int, int]]:
    """Indices of times that belong together: the nearest pair first, each time once; both lists ascend."""
    near = []
    start = 0
    for i, old in enumerate(olds):
        while start < len(news) and news[start] < old - within_ms:
            start += 1
        for j in range(start, len(news)):
            if news[j] > old + within_ms:
                break
            near.append((abs(news[j] - old), i, j))
    taken_olds: set[int] = set()
    taken_news: set[int] = set()
    pairs = []
    for _, i, j in sorted(near):
        if i not in taken_olds and j not in taken_news:
            taken_olds.add(i)
            taken_news.add(j)
            pairs.append((i, j))
    return pairs


def _ms(moved: GateTransition) -> int:
    return milliseconds(moved.at)
