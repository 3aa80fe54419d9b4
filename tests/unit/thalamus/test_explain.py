"""What people are told about a gate agrees with what the gate does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.v1.errors import RefusedError
from shared.v1.messages import ExplainQuestion, Explanation
from shared.v1.states import GateState
from tests.unit.thalamus.conftest import START_MS, Hand
from thalamus.explain import explain, gates_of


def ask(hand: Hand, region: str = "math", *, after_ms: int = 0, garden: str = "real") -> Explanation:
    question = ExplainQuestion(region=region, garden=garden)
    return explain(hand.state, question, START_MS + hand.now + after_ms, last=None)


def test_a_gate_that_did_not_fire_says_what_is_missing(hand: Hand) -> None:
    hand.wave("math", 0.6)
    told = ask(hand)
    assert told.gate.state is GateState.STABLE
    assert "only one witness" in told.why
    assert "one further witness with a confidence of at least 0.35" in told.missing


def after_waves(confidences: list[float]) -> Hand:
    hand = Hand()
    for number, confidence in enumerate(confidences):
        hand.wave(f"cell{number}", confidence)
    return hand


@given(st.lists(st.integers(5, 45).map(lambda percent: percent / 100), min_size=1, max_size=2))
def test_the_missing_witness_would_indeed_open_the_gate(confidences: list[float]) -> None:
    missing = ask(after_waves(confidences)).missing
    if "more than one further witness" in missing:
        needed = 1.01
    else:
        needed = float(missing.split("at least ")[1].split()[0])
        opened = after_waves([*confidences, needed])
        assert opened.state_of() is GateState.OPEN
    still = after_waves([*confidences, needed - 0.01])
    assert still.state_of() is GateState.STABLE


def test_the_matrix_is_symmetric_and_its_pairs_sum_to_the_asserting_part(hand: Hand) -> None:
    for cell, confidence in (("a", 0.6), ("b", 0.5), ("c", 0.4)):
        hand.wave(cell, confidence)
    told = ask(hand)
    pairs = [told.matrix[i][j] for i in range(3) for j in range(i + 1, 3)]
    assert sum(pairs) == pytest.approx(told.gate.correlation, abs=1e-5)
    assert all(told.matrix[i][j] == told.matrix[j][i] for i in range(3) for j in range(3))
    assert sum(witness.contribution for witness in told.witnesses) == pytest.approx(
        told.gate.correlation, abs=1e-5
    )


def test_asking_changes_nothing_and_sees_time_pass(hand: Hand) -> None:
    hand.wave("math", 0.6)
    hand.wave("calculate", 0.6)
    now, later = ask(hand), ask(hand, after_ms=1_000)
    assert later.gate.correlation < now.gate.correlation
    assert ask(hand) == now


def test_the_waves_of_one_witness_share_its_contribution(hand: Hand) -> None:
    hand.wave("math", 0.9, at=0)
    hand.wave("math", 0.3, at=500)
    hand.wave("calculate", 0.6, at=500)
    told = ask(hand)
    of_math = [wave.contribution for wave in told.evidence if wave.witness == "math"]
    assert len(of_math) == 2
    assert sum(of_math) == pytest.approx(told.witnesses[0].contribution, abs=1e-5)
    assert of_math[0] > of_math[1] > 0


def test_a_region_that_nobody_spoke_about_is_refused_by_name(hand: Hand) -> None:
    hand.wave("math", 0.6)
    with pytest.raises(RefusedError, match="regions of this garden: math"):
        ask(hand, "nowhere")


def test_all_gates_are_told_in_order_with_their_rules(hand: Hand) -> None:
    hand.rules(region="load", threshold=2.5)
    hand.wave("host_cpu", 0.3, label="load")
    hand.wave("math", 0.3, garden="virtual")
    hand.wave("math", 0.3)
    answer = gates_of(hand.state, START_MS)
    assert [(gate.gate, gate.threshold) for gate in answer.gates] == [
        ("real/load", 2.5),
        ("real/math", 1.0),
        ("virtual/math", 0.7),
    ]
    assert (answer.input_seq, answer.rules) == (5, 2)
