"""The same inputs under other rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.v1.messages import GateTransition, RuleChange
from shared.v1.states import Cause, GateState, Tier
from tests.unit.thalamus.conftest import START_MS, VOCABULARY
from tests.unit.thalamus.inputs import rules, wave
from thalamus.decisions import time_of
from thalamus.fold import Input, State, step
from thalamus.whatif import Comparison, Course, compare


def moved(at_ms: int, *, gate: str = "real/math", to_state: GateState = GateState.OPEN) -> GateTransition:
    garden, region = gate.split("/")
    return GateTransition(
        id=f"tr:{gate}/{at_ms + 1}",
        region=region,
        garden=garden,
        input_seq=at_ms + 1,
        rules=0,
        at=time_of(START_MS + at_ms),
        gate=gate,
        from_state=GateState.STABLE if to_state is GateState.OPEN else GateState.OPEN,
        to_state=to_state,
        cause=Cause.COLLAPSE,
        value=0.5,
        correlation=1.0,
        confidence=0.8,
        weight=0.1,
        tier=Tier.COGNITION,
    )


def differences(comparison: Comparison) -> tuple[int, int, int, list[int]]:
    shifts = [pair.shift_ms for pair in comparison.moved]
    return comparison.same, len(comparison.gained), len(comparison.lost), shifts


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([], [], (0, 0, 0, [])),
        ([moved(0)], [moved(0)], (1, 0, 0, [])),
        ([moved(0)], [], (0, 0, 1, [])),
        ([], [moved(0)], (0, 1, 0, [])),
        ([moved(1000)], [moved(900)], (0, 0, 0, [-100])),
        ([moved(0)], [moved(5_001)], (0, 1, 1, [])),
        ([moved(0)], [moved(0, gate="real/load")], (0, 1, 1, [])),
        ([moved(0)], [moved(0, to_state=GateState.STABLE)], (0, 1, 1, [])),
        # the nearest belong together, and what is left over is new
        ([moved(1000)], [moved(0), moved(1010)], (0, 1, 0, [10])),
        ([moved(0), moved(1000)], [moved(1000), moved(2000)], (1, 0, 0, [2000])),
    ],
)
def test_transitions_are_paired_with_the_nearest_of_their_kind(
    before: list[GateTransition], after: list[GateTransition], expected: tuple[int, int, int, list[int]]
) -> None:
    assert differences(compare(before, after)) == expected


times = st.lists(st.integers(0, 60_000), unique=True, max_size=12).map(sorted)


@given(times, times)
def test_nothing_is_counted_twice_or_forgotten(before: list[int], after: list[int]) -> None:
    found = compare([moved(at) for at in before], [moved(at) for at in after])
    assert found.same + len(found.moved) + len(found.lost) == len(before)
    assert found.same + len(found.moved) + len(found.gained) == len(after)
    assert found.same == len(set(before) & set(after))
    assert all(abs(pair.shift_ms) <= 5_000 for pair in found.moved)
    back = compare([moved(at) for at in after], [moved(at) for at in before])
    assert (len(back.gained), len(back.lost)) == (len(found.lost), len(found.gained))


def taught() -> State:
    state = State()
    step(state, rules(RuleChange(vocabulary=VOCABULARY), seq=1))
    return state


def weak_pair(start: int = 0) -> list[Input]:
    """Two witnesses that agree with S between 0.7 and 1, and silence afterwards."""
    return [
        wave("math", 0.4, seq=2, at=start),
        wave("abacus", 0.4, seq=3, at=start + 100),
        wave("other", 0.1, label="load", seq=4, at=start + 9_000),
    ]


def courses(pins: list[RuleChange], items: list[Input]) -> tuple[Course, Course]:
    state = taught()
    before, after = Course.after(state), Course.after(state, pins)
    for item in items:
        before.take(item)
        after.take(item)
    assert state.seq == 1  # the state they began from is nobody's course
    return before, after


def test_a_lower_threshold_gains_an_opening() -> None:
    before, after = courses([RuleChange(region="math", threshold=0.5)], weak_pair())
    assert before.openings("") == 0
    assert after.openings("real") == 1
    assert after.openings("virtual") == 0
    found = compare(before.of(""), after.of(""))
    assert [(got.gate, got.to_state) for got in found.gained] == [("real/math", 1), ("real/math", 0)]


def test_what_is_asked_about_holds_although_the_recording_sets_it_otherwise() -> None:
    items = [rules(RuleChange(region="math", threshold=1.5), seq=2), *weak_pair()]
    _, after = courses([RuleChange(region="math", threshold=0.5)], items)
    assert after.openings("") == 1


def test_a_recorded_rollback_does_not_take_it_back_either() -> None:
    back = rules(RuleChange(rollback_to=1), seq=2)
    before, after = courses([RuleChange(threshold=0.5)], [back, *weak_pair()])
    assert (before.openings(""), after.openings("")) == (0, 1)
    assert [seq for seq, _ in after.state.rules.history if seq > 1] == [2]


def test_the_rules_that_hold_already_change_nothing() -> None:
    items = [wave("math", 0.6, seq=2, at=0), wave("abacus", 0.5, seq=3, at=0), *weak_pair(5_000)]
    before, after = courses([RuleChange(region="math", threshold=1.0)], items)
    found = compare(before.of(""), after.of(""))
    assert (found.same, found.gained, found.lost, found.moved) == (len(before.of("")), (), (), ())
    assert found.same > 0


def test_an_open_gate_that_would_not_have_been_moves_at_the_start() -> None:
    state = taught()
    for item in (wave("math", 0.6, seq=2, at=0), wave("abacus", 0.5, seq=3, at=0)):
        step(state, item)
    after = Course.after(state, [RuleChange(threshold=9.0)])
    [closed] = after.of("")
    assert (closed.cause, closed.to_state) == (Cause.RULES, GateState.STABLE)


def test_time_is_that_of_the_garden_if_it_is_simulated() -> None:
    before, _ = courses([], [wave("math", 0.4, seq=2, at=0), wave("math", 0.4, seq=3, at=3_000)])
    assert before.elapsed_ms("") == before.elapsed_ms("real") == 3_000
    items = [
        wave("math", 0.4, seq=2, at=0, garden="virtual", observed_at=time_of(START_MS)),
        wave("math", 0.4, seq=3, at=5, garden="virtual", observed_at=time_of(START_MS + 9_000)),
    ]
    before, _ = courses([], items)
    assert (before.elapsed_ms("virtual"), before.elapsed_ms("")) == (9_000, 5)
