from hypothesis import given, settings
from hypothesis import strategies as st

from cognition.function_gemma.sensed import MAX_FACT, MAX_FACTS, facts_of
from tests.unit.cognition.builders import QUESTION, sensed

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(), inner, max_size=40),
)


def test_values_and_short_lists_of_a_payload_become_facts() -> None:
    facts = facts_of([sensed(QUESTION | {"deep": {"no": 1}, "long": [0] * 17, "nested": [[1]], "none": None})])
    assert {fact.name: fact.value for fact in facts} == QUESTION
    assert {(fact.wave, fact.witness, fact.confidence) for fact in facts} == {("w1", "math", 0.6)}


def test_a_payload_that_is_no_object_is_one_fact() -> None:
    facts = facts_of([sensed(7.5), sensed([1, 2], 2, witness="b"), sensed(None, 3, witness="c")])
    assert [(fact.name, fact.value) for fact in facts] == [("payload", 7.5), ("payload", [1, 2])]


def test_a_witness_that_repeats_itself_is_quoted_once() -> None:
    facts = facts_of([sensed(QUESTION, 1), sensed(QUESTION, 2), sensed(QUESTION, 3, witness="adder")])
    assert [fact.wave for fact in facts] == ["w1"] * 3 + ["w3"] * 3


def test_one_and_true_are_different_facts() -> None:
    assert len(facts_of([sensed(1), sensed(True), sensed(1.0)])) == 3


def test_what_is_too_large_is_left_where_it_is() -> None:
    assert facts_of([sensed({"text": "x" * MAX_FACT, " ": 1, "n" * 129: 1})]) == ()


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(json_values, max_size=6))
def test_facts_are_bounded_whatever_the_waves_carry(payloads: list[object]) -> None:
    facts = facts_of([sensed(payload, seq) for seq, payload in enumerate(payloads, 1)])
    assert len(facts) <= MAX_FACTS
    assert all(len(fact.to_bytes()) < 8 * MAX_FACT for fact in facts)
