"""From English to an operation and its operands."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cells.math_cell.v1.arithmetic import MAX_OPERANDS, Operation, Relation, compute
from cells.math_cell.v1.sentence import SURE, confidence, operands_of, understand
from cells.math_cell.v1.tokens import MAX_SENTENCE
from shared.v1.errors import RefusedError
from tests.unit.cells.math_cell.spelling import Spelled, in_words, numbers, questions, whole_numbers


def answer(sentence: str) -> Fraction | bool:
    term = understand(sentence).term
    return compute(term.operation, operands_of(term), term.relation)


@given(questions())
def test_what_is_spelled_is_understood(question: Spelled) -> None:
    assume(len(question.text) <= MAX_SENTENCE)
    assert answer(question.text) == question.value


@given(whole_numbers, st.sampled_from("- "), st.sampled_from(["", "and "]))
def test_numbers_in_words_are_read(number: int, hyphen: str, conjunction: str) -> None:
    assert answer(f"{in_words(number, hyphen=hyphen, conjunction=conjunction)} plus 0") == number


@pytest.mark.parametrize(
    ("opening", "operation"), [("sum of", Operation.ADD), ("product of", Operation.MULTIPLY)]
)
@given(
    operands=st.lists(numbers(conjunctions=("",)), min_size=2, max_size=6),
    last=st.sampled_from([" and", ", and", ","]),
)
def test_enumerations_are_read(opening: str, operation: Operation, operands: list[Spelled], last: str) -> None:
    assume(last != " and" or not operands[-2].text.endswith(("hundred", "thousand", "million")))
    head = ", ".join(operand.text for operand in operands[:-1])
    term = understand(f"what is the {opening} {head}{last} {operands[-1].text}?").term
    assert (term.operation, term.operands) == (operation, tuple(operand.value for operand in operands))


@given(st.text(max_size=60) | st.text("0123456789+-*/^().,x ² and of sum", max_size=60))
def test_any_text_is_either_understood_or_refused(text: str) -> None:
    try:
        assert 0.0 < understand(text).confidence <= SURE
    except RefusedError as refusal:
        code = refusal.code
    else:
        code = 422
    assert code == 422


@pytest.mark.parametrize(
    ("sentence", "operation", "operands"),
    [
        ("what is 15 plus 27?", "add", [15, 27]),
        ("15+27", "add", [15, 27]),
        ("1 + 2 + 3 + 4", "add", [1, 2, 3, 4]),
        ("(1 + 2) + 3", "add", [3, 3]),
        ("1 + 2 - 3 + 4", "add", [0, 4]),
        ("2 * 3 * 4", "multiply", [2, 3, 4]),
        ("2 + 3 * 4", "add", [2, 12]),
        ("(2 + 3) * 4", "multiply", [5, 4]),
        ("10 - 2 - 3", "subtract", [8, 3]),
        ("2 ^ 3 ^ 2", "power", [2, 9]),
        ("2 ^ -1", "power", [2, -1]),
        ("2 * -3", "multiply", [2, -3]),
        ("-2 squared", "subtract", [0, 4]),
        ("(-2) squared", "power", [-2, 2]),
        ("3x4", "multiply", [3, 4]),
        ("2e3 + .5", "add", [2000, Fraction(1, 2)]),
        ("two hundred and five minus twenty-one", "subtract", [205, 21]),
        ("twelve hundred over a thousand", "divide", [1200, 1000]),
        ("2.5 million divided by 5 hundred", "divide", [2_500_000, 500]),
        ("the difference between 10 and 4", "subtract", [10, 4]),
        ("quotient of 12 and 4", "divide", [12, 4]),
        ("sum 3 and 4", "add", [3, 4]),
        ("sum of (3 + 1) and 4 squared", "add", [4, 16]),
        ("2 times the sum of 3 and 4", "multiply", [2, 7]),
        ("add 3 to 4", "add", [3, 4]),
        ("please add 3, 4 and 5", "add", [3, 4, 5]),
        ("subtract 3 from 10", "subtract", [10, 3]),
        ("multiply 3 by 4", "multiply", [3, 4]),
        ("divide 12 by 4", "divide", [12, 4]),
        ("raise 2 to the power of 10", "power", [2, 10]),
        ("Hello, what’s 2 plus 2?", "add", [2, 2]),
    ],
)
def test_a_sentence_becomes_an_operation_on_operands(
    sentence: str, operation: str, operands: list[int | Fraction]
) -> None:
    term = understand(sentence).term
    assert (term.operation, list(operands_of(term))) == (operation, operands)


@pytest.mark.parametrize(
    ("sentence", "relation", "holds"),
    [
        ("is 3 greater than 2", Relation.GREATER, True),
        ("is 3 less than 2?", Relation.LESS, False),
        ("3 > 2", Relation.GREATER, True),
        ("is 2 plus 2 equal to 4", Relation.EQUAL, True),
        ("does 2 plus 2 equal 5?", Relation.EQUAL, False),
        ("is 5 at least five", Relation.GREATER_OR_EQUAL, True),
        ("is 5 at most 4", Relation.LESS_OR_EQUAL, False),
        ("5 ≠ 4", Relation.NOT_EQUAL, True),
        ("is the sum of 3 and 4 bigger than (2 + 2) squared", Relation.GREATER, False),
        ("is one third less than 1", None, None),
    ],
)
def test_a_question_for_truth_becomes_a_comparison(
    sentence: str, relation: Relation | None, holds: bool | None
) -> None:
    if relation is None:
        with pytest.raises(RefusedError, match='the word "third"'):
            understand(sentence)
        return
    term = understand(sentence).term
    assert (term.operation, term.relation, answer(sentence)) == (Operation.COMPARE, relation, holds)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("", "no number"),
        ("hello", "no number"),
        ("what is the weather?", 'the word "weather"'),
        ("banana plus 2", 'the word "banana"'),
        ("½ + 1", 'the sign "½"'),
        ("2; drop table", 'the sign ";"'),
        ("__import__('os')", "the sign"),
        ("5", "only a number"),
        ("minus 5", "only a number"),
        ("what is 5?", "only a number"),
        ("5 6", "side by side"),
        ("five twenty", "side by side"),
        ("one thousand two million", "side by side"),
        ("1.2.3 + 1", "side by side"),
        ("1 plus", "ends where"),
        ("(1 + 2", "ends where"),
        ("sum of 3", "ends where"),
        ("1 + 2)", r'"\)" cannot be understood'),
        ("plus 1", '"plus" cannot be understood'),
        ("is 1 < 2 < 3", '"<" cannot be understood'),
        ("(1 < 2) + 1", '"<" cannot be understood'),
        ("3 and 4", '"and" cannot be understood'),
        ("1,000 + 1", "one number or two"),
        ("sum of 1,2", "one number or two"),
        ("sum of one hundred and five", "one number or two"),
        ("sum of 3 and 4 times 2", "parentheses"),
        ("add 3 to 4 divided by 2", "parentheses"),
        ("sum of 4 and product of 2 and 3", "parentheses"),
        ("what is 3 less than 5", "difference or a comparison"),
        ("how much is 3 more than 5", "difference or a comparison"),
        ("x" * MAX_SENTENCE, 'the word "x{40}…"'),
        ("1" * (MAX_SENTENCE + 1), f"at most {MAX_SENTENCE}"),
        ("1-" * MAX_OPERANDS + "1", "more than 64 numbers"),
        ("(" * 40 + "1" + ")" * 40, "deep"),
        ("-" * 400 + "1", "deep"),
        ("2 + 1e5000", "longer than 1000 digits"),
        ("2 + 1e99999", "is not a number"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_named(sentence: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason) as refusal:
        understand(sentence)
    assert refusal.value.code == 422
    assert len(refusal.value.reason) < 250


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("9 ** 9 ** 9", "1000 digits"),
        ("(9^9)^9^9", "1000 digits"),
        ("1 / (2 - 2)", "division by zero"),
        ("2 ^ 0.5", "whole number"),
        ("the difference of 3, 2 and 1", "takes 2 operands"),
    ],
)
def test_what_is_understood_may_still_have_no_result(sentence: str, reason: str) -> None:
    assert understand(sentence).confidence > 0.5
    with pytest.raises(RefusedError, match=reason):
        answer(sentence)


def test_plain_arithmetic_is_sure_and_filler_takes_from_it() -> None:
    assert understand("15 + 27").confidence == SURE
    assert understand("what is 15 plus 27?").confidence == 0.76
    assert understand("hello, can you please tell me how much is 2 + 2").confidence < 0.3


@given(st.integers(min_value=1, max_value=50), st.integers(min_value=0, max_value=50))
def test_more_filler_never_makes_surer(telling: int, filler: int) -> None:
    assert 0.0 < confidence(telling, filler + 1) < confidence(telling, filler) <= SURE
