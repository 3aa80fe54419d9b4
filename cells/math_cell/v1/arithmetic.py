"""Exact arithmetic on rational numbers, bounded before anything is computed.

Numbers are read as the decimals that were written, so 0.1 + 0.2 is 0.3. What would not fit is refused in
microseconds: 9 to the power of 9 to the power of 9 has 370 million digits.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from shared.v1.errors import RefusedError

MAX_OPERANDS = 64
MAX_DIGITS = 1000  # of a numerator or denominator, given or computed
MAX_TEXT = 2 * MAX_DIGITS + 2  # characters of a number: sign, numerator, /, denominator

_LIMIT = 10**MAX_DIGITS
_LIMIT_BITS = _LIMIT.bit_length()
_SAFE = 2**53 - 1  # whole numbers up to here are exact in every JSON reader
_MAX_PLACES = 100  # decimals that a text shows; beyond, it shows the fraction
_SHOWN = 40  # characters of a wrong number that a refusal quotes

_DECIMAL = re.compile(r"[+-]?(?P<whole>[0-9]*)\.?(?P<places>[0-9]*)(?:[eE](?P<exponent>[+-]?[0-9]{1,4}))?")
_FRACTION = re.compile(r"[+-]?[0-9]+/[0-9]+")


class Operation(StrEnum):
    """What can be computed."""

    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    DIVIDE = "divide"
    POWER = "power"
    COMPARE = "compare"

    @property
    def label(self) -> str:
        """What a wave calls it."""
        return _LABELS[self]


class Relation(StrEnum):
    """What a comparison asks."""

    LESS = "less"
    LESS_OR_EQUAL = "less_or_equal"
    EQUAL = "equal"
    NOT_EQUAL = "not_equal"
    GREATER_OR_EQUAL = "greater_or_equal"
    GREATER = "greater"


_LABELS = {
    Operation.ADD: "addition",
    Operation.SUBTRACT: "subtraction",
    Operation.MULTIPLY: "multiplication",
    Operation.DIVIDE: "division",
    Operation.POWER: "power",
    Operation.COMPARE: "comparison",
}

_HOLDS: Mapping[Relation, Callable[[Fraction, Fraction], bool]] = {
    Relation.LESS: operator.lt,
    Relation.LESS_OR_EQUAL: operator.le,
    Relation.EQUAL: operator.eq,
    Relation.NOT_EQUAL: operator.ne,
    Relation.GREATER_OR_EQUAL: operator.ge,
    Relation.GREATER: operator.gt,
}

Result = Fraction | bool


def number(written: object) -> Fraction:
    """Read a JSON number, or a text such as "0.1", "-2e3" or "1/3".

    Raises RefusedError if it is none, not finite, or longer than MAX_DIGITS.
    """
    match written:
        case bool():
            raise RefusedError(f"{str(written).lower()} is not a number", code=422)
        case int():
            return _bounded(Fraction(written), "the number has")
        case float():
            if not math.isfinite(written):
                raise RefusedError(f"{written} is not a finite number", code=422)
            return Fraction(Decimal(repr(written)))  # the shortest decimal that means this float
        case str():
            return _from_text(written.strip())
    raise RefusedError(f"a {type(written).__name__} is not a number", code=422)


def compute(
    operation: Operation, operands: Sequence[Fraction], relation: Relation = Relation.GREATER
) -> Result:
    """Add or multiply 2 to 64 operands, or subtract, divide, power or compare two.

    Raises RefusedError for a wrong number of operands, a division by zero, an exponent that is not whole,
    and a result, of the whole or of a step, of more than MAX_DIGITS.
    """
    if not 2 <= len(operands) <= MAX_OPERANDS:
        raise RefusedError(f"{operation} takes 2 to {MAX_OPERANDS} operands, not {len(operands)}", code=422)
    if operation in (Operation.ADD, Operation.MULTIPLY):
        step = operator.add if operation is Operation.ADD else operator.mul
        total = operands[0]
        for operand in operands[1:]:
            total = _bounded(step(total, operand))
        return total
    if len(operands) != 2:
        raise RefusedError(f"{operation} takes 2 operands, not {len(operands)}", code=422)
    left, right = operands
    match operation:
        case Operation.SUBTRACT:
            return _bounded(left - right)
        case Operation.DIVIDE:
            if right == 0:
                raise RefusedError("a division by zero has no result", code=422)
            return _bounded(left / right)
        case Operation.POWER:
            return _power(left, right)
        case _:
            return _HOLDS[relation](left, right)


def as_json(value: Fraction) -> int | float | str:
    """The JSON value that `number` reads back as the same: an int or float where exact, else a text."""
    if value.denominator == 1 and abs(value.numerator) <= _SAFE:
        return value.numerator
    close = approximation(value)
    return close if close is not None and Fraction(Decimal(repr(close))) == value else exact_text(value)


def approximation(value: Fraction) -> float | None:
    """The nearest float; None if there is none but infinity, or zero for what is not zero."""
    try:
        close = float(value)
    except OverflowError:
        return None
    return close if close or not value else None


def exact_text(value: Fraction) -> str:
    """All digits: "42", "0.3", or "1/3" where the decimals do not end or are too many."""
    rest = value.denominator
    twos = (rest & -rest).bit_length() - 1
    rest >>= twos
    fives = 0
    while rest % 5 == 0:
        rest //= 5
        fives += 1
    places = max(twos, fives)
    if rest != 1 or places > _MAX_PLACES:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def result_fields(result: Result) -> dict[str, bool | int | float | str]:
    """How an answer tells a result: `result`, a JSON value, and `exact`, a text with all digits.

    `result` is an int where every JSON reader keeps it, else the nearest float; it is left out if no
    finite float is near.
    """
    if isinstance(result, bool):
        return {"result": result, "exact": str(result).lower()}
    whole = result.denominator == 1 and abs(result.numerator) <= _SAFE
    told = result.numerator if whole else approximation(result)
    return {"exact": exact_text(result)} if told is None else {"result": told, "exact": exact_text(result)}


def _from_text(text: str) -> Fraction:
    if len(text) > MAX_TEXT:
        raise RefusedError(f"{_short(text)} is longer than {MAX_DIGITS} digits", code=422)
    if _FRACTION.fullmatch(text):
        numerator, denominator = text.split("/")
        if not denominator.strip("0"):
            raise RefusedError(f"{_short(text)} divides by zero", code=422)
        return _bounded(Fraction(int(numerator), int(denominator)), "the number has")
    decimal = _DECIMAL.fullmatch(text)
    if decimal is None or not (decimal["whole"] or decimal["places"]):
        raise RefusedError(f'"{_short(text)}" is not a number: write it like 15, -0.5, 2e3 or 1/3', code=422)
    length = len(decimal["whole"]) + len(decimal["places"]) + abs(int(decimal["exponent"] or 0))
    if length > MAX_DIGITS:
        raise RefusedError(f"{_short(text)} is longer than {MAX_DIGITS} digits", code=422)
    return Fraction(text)


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise RefusedError(
            f"the exponent is {_short(exact_text(exponent))}: it must be a whole number", code=422
        )
    if base == 0 and exponent < 0:
        raise RefusedError("zero to a negative power divides by zero", code=422)
    # b ≥ 2**(bits − 1), so this many bits the result has at least.
    bits = max(abs(base.numerator).bit_length(), base.denominator.bit_length()) - 1
    if bits * abs(exponent.numerator) > _LIMIT_BITS:
        raise RefusedError(f"the result would have more than {MAX_DIGITS} digits", code=422)
    if abs(base.numerator) <= 1 and base.denominator == 1:
        # 0, 1 and −1 to any power, however long; 0 to the power of 0 is 1.
        return base ** (2 - exponent.numerator % 2) if exponent else Fraction(1)
    return _bounded(base**exponent.numerator)


def _bounded(value: Fraction, which: str = "the result would have") -> Fraction:
    if abs(value.numerator) >= _LIMIT or value.denominator >= _LIMIT:
        raise RefusedError(f"{which} more than {MAX_DIGITS} digits", code=422)
    return value


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
