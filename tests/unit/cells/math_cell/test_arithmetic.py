"""Exact arithmetic and its bounds."""

import json
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cells.math_cell.v1.arithmetic import (
    MAX_DIGITS,
    Operation,
    Relation,
    as_json,
    compute,
    exact_text,
    number,
    result_fields,
)
from shared.v1.errors import RefusedError

fractions = st.fractions(min_value=-(10**6), max_value=10**6, max_denominator=1000)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (15, Fraction(15)),
        (0.1, Fraction(1, 10)),
        (1e21, Fraction(10**21)),
        (-2.5, Fraction(-5, 2)),
        ("0.1", Fraction(1, 10)),
        (" +15. ", Fraction(15)),
        (".5", Fraction(1, 2)),
        ("-2e3", Fraction(-2000)),
        ("5E-1", Fraction(1, 2)),
        ("1/3", Fraction(1, 3)),
        ("-6/4", Fraction(-3, 2)),
        (10**999, Fraction(10**999)),
    ],
)
def test_a_number_is_read_as_it_is_written(written: object, value: Fraction) -> None:
    assert number(written) == value


@pytest.mark.parametrize(
    "written",
    [
        True, None, [1], {}, "", " ", ".", "-", "e5", "1e", "one", "0x10", "1_000", "1,5", "1/2/3", "1/-2",
        "٣", "nan", "inf", "--1", "__import__('os')", math.nan, math.inf, -math.inf,
    ],
)  # fmt: skip
def test_what_is_no_finite_number_is_refused(written: object) -> None:
    with pytest.raises(RefusedError, match="number") as refusal:
        number(written)
    assert refusal.value.code == 422


@pytest.mark.parametrize(
    "written",
    [10**MAX_DIGITS, "1" * (MAX_DIGITS + 1), "1e1000", "1e-9999", "1e9999", "1/" + "3" * 1500, "9" * 100_000],
)
def test_a_number_that_is_too_long_is_refused(written: object) -> None:
    with pytest.raises(RefusedError, match="digits") as refusal:
        number(written)
    assert len(refusal.value.reason) < 200


def test_a_fraction_by_zero_is_refused() -> None:
    with pytest.raises(RefusedError, match="zero"):
        number("1/00")


def test_a_tenth_and_two_tenths_are_three_tenths() -> None:
    assert compute(Operation.ADD, [number(0.1), number(0.2)]) == number(0.3)


@given(st.lists(fractions, min_size=2, max_size=64))
def test_sums_are_those_of_fractions(operands: list[Fraction]) -> None:
    assert compute(Operation.ADD, operands) == sum(operands)


@given(st.lists(fractions, min_size=2, max_size=64))
def test_products_are_those_of_fractions(operands: list[Fraction]) -> None:
    assert compute(Operation.MULTIPLY, operands) == reduce(operator.mul, operands)


@pytest.mark.parametrize(
    ("operation", "peer"), [(Operation.SUBTRACT, operator.sub), (Operation.DIVIDE, operator.truediv)]
)
@given(left=fractions, right=fractions.filter(bool))
def test_differences_and_quotients_are_those_of_fractions(
    operation: Operation, peer: Callable[[Fraction, Fraction], Fraction], left: Fraction, right: Fraction
) -> None:
    assert compute(operation, [left, right]) == peer(left, right)


@given(fractions, st.integers(min_value=-20, max_value=20))
def test_powers_are_those_of_fractions(base: Fraction, exponent: int) -> None:
    if base == 0 and exponent < 0:
        with pytest.raises(RefusedError, match="zero"):
            compute(Operation.POWER, [base, Fraction(exponent)])
    else:
        assert compute(Operation.POWER, [base, Fraction(exponent)]) == base**exponent


@given(fractions, fractions)
def test_comparisons_are_those_of_fractions(left: Fraction, right: Fraction) -> None:
    holds = {relation: compute(Operation.COMPARE, [left, right], relation) for relation in Relation}
    assert holds == {
        Relation.LESS: left < right,
        Relation.LESS_OR_EQUAL: left <= right,
        Relation.EQUAL: left == right,
        Relation.NOT_EQUAL: left != right,
        Relation.GREATER_OR_EQUAL: left >= right,
        Relation.GREATER: left > right,
    }


@pytest.mark.parametrize(
    ("base", "exponent"),
    [(9, 9**9), (9, -(9**9)), (2, 10**999), (10**999, 2), (Fraction(1, 3), 10**9), (2, 3323)],
)
def test_a_power_that_would_be_too_long_is_refused_before_it_is_computed(
    base: int | Fraction, exponent: int
) -> None:
    with pytest.raises(RefusedError, match="more than 1000 digits"):
        compute(Operation.POWER, [Fraction(base), Fraction(exponent)])


@pytest.mark.parametrize(("base", "even", "odd"), [(0, 0, 0), (1, 1, 1), (-1, 1, -1)])
def test_zero_and_one_may_have_the_longest_exponents(base: int, even: int, odd: int) -> None:
    assert compute(Operation.POWER, [Fraction(base), Fraction(10**999)]) == even
    assert compute(Operation.POWER, [Fraction(base), Fraction(10**999 - 1)]) == odd


def test_zero_to_the_power_of_zero_is_one() -> None:
    assert compute(Operation.POWER, [Fraction(0), Fraction(0)]) == 1


def test_the_longest_power_that_fits_is_computed() -> None:
    assert compute(Operation.POWER, [Fraction(2), Fraction(3321)]) == 2**3321
    with pytest.raises(RefusedError, match="digits"):
        compute(Operation.POWER, [Fraction(2), Fraction(3322)])


@pytest.mark.parametrize(
    ("operation", "operands", "reason"),
    [
        (Operation.DIVIDE, [1, 0], "division by zero"),
        (Operation.POWER, [0, -1], "divides by zero"),
        (Operation.POWER, [2, Fraction(1, 2)], "exponent is 0.5: it must be a whole number"),
        (Operation.SUBTRACT, [1, 2, 3], "takes 2 operands, not 3"),
        (Operation.COMPARE, [1, 2, 3], "takes 2 operands, not 3"),
        (Operation.ADD, [1], "2 to 64 operands, not 1"),
        (Operation.ADD, [1] * 65, "2 to 64 operands, not 65"),
        (Operation.MULTIPLY, [10**600] * 2, "more than 1000 digits"),
        (Operation.ADD, [10**1000 - 1, 1], "more than 1000 digits"),
        (Operation.SUBTRACT, [-(10**1000) + 1, 1], "more than 1000 digits"),
        (Operation.DIVIDE, [Fraction(1, 10**600), 10**600], "more than 1000 digits"),
    ],
)
def test_what_has_no_result_is_refused_with_a_reason(
    operation: Operation, operands: list[int | Fraction], reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason) as refusal:
        compute(operation, [Fraction(operand) for operand in operands])
    assert refusal.value.code == 422


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(42), "42"),
        (Fraction(-3, 10), "-0.3"),
        (Fraction(1, 8), "0.125"),
        (Fraction(-1, 400), "-0.0025"),
        (Fraction(1, 3), "1/3"),
        (Fraction(-22, 7), "-22/7"),
        (Fraction(1, 10**100), "0." + "0" * 99 + "1"),
        (Fraction(1, 10**101), f"1/{10**101}"),
        (Fraction(0), "0"),
    ],
)
def test_the_exact_text_has_all_digits(value: Fraction, text: str) -> None:
    assert exact_text(value) == text


@pytest.mark.parametrize(
    ("result", "fields"),
    [
        (Fraction(42), {"result": 42, "exact": "42"}),
        (Fraction(3, 10), {"result": 0.3, "exact": "0.3"}),
        (Fraction(1, 3), {"result": 1 / 3, "exact": "1/3"}),
        (Fraction(2**53), {"result": float(2**53), "exact": str(2**53)}),
        (Fraction(10**400), {"exact": "1" + "0" * 400}),
        (Fraction(1, 10**400), {"exact": f"1/{10**400}"}),
        (True, {"result": True, "exact": "true"}),
        (False, {"result": False, "exact": "false"}),
    ],
)
def test_a_result_is_an_int_or_the_nearest_float_or_left_out(
    result: Fraction | bool, fields: dict[str, object]
) -> None:
    told = result_fields(result)
    assert told == fields
    assert [type(value) for value in told.values()] == [type(value) for value in fields.values()]


@given(st.fractions() | fractions | st.integers().map(Fraction))
def test_a_number_that_is_told_is_read_back_as_the_same(value: Fraction) -> None:
    assert number(json.loads(json.dumps(as_json(value), allow_nan=False))) == value
    assert number(exact_text(value)) == value
