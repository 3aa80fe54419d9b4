"""Numbers as people write them in a sentence: "12", "2.5 million", "two thousand three hundred and five"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cells.math_cell.v1.arithmetic import number

# fmt: off
_BELOW_TWENTY = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
    "seventeen", "eighteen", "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# fmt: on
UNITS = {name: count for count, name in enumerate(_BELOW_TWENTY) if 1 <= count <= 9}
TENS = {name: 10 * count for count, name in enumerate(_TENS, start=2)}
_SMALL = {**{name: count for count, name in enumerate(_BELOW_TWENTY) if count}, **TENS}
_HUNDRED = "hundred"
_DIGITS = re.compile(r"\.?[0-9]")
_SCALES = {"thousand": 1000, "million": 1_000_000}


@dataclass(frozen=True, slots=True)
class Found:
    """A number that ends before `end`. `joined` tells of an "and" inside, as in "hundred and five"."""

    value: Fraction
    end: int
    joined: bool = False


def read(words: Sequence[str], start: int) -> Found | None:
    """The longest number that begins at `start`; None if none does.

    Groups such as "three hundred and five" stand before falling scales: million, thousand, nothing.
    """
    total, scale, end, joined = Fraction(0), 0, start, False
    while group := _group(words, end, first=end == start):
        following = _SCALES.get(_at(words, group.end), 1)
        if scale and following >= scale:
            break  # "one thousand two million" is not one number
        total += group.value * following
        joined = joined or group.joined
        scale, end = following, group.end + (following > 1)
        if scale == 1:
            break
    return Found(total, end, joined) if end > start else None


def _group(words: Sequence[str], start: int, *, first: bool) -> Found | None:
    """Digits, or words below ten thousand ("twelve hundred"). A scale alone counts once: "a thousand"."""
    if first:
        if _DIGITS.match(_at(words, start)):
            value, end = number(words[start]), start + 1
            return Found(value * 100, end + 1) if _at(words, end) == _HUNDRED else Found(value, end)
        if _at(words, start) == _BELOW_TWENTY[0]:
            return Found(Fraction(0), start + 1)
        if _at(words, start) in _SCALES:
            return Found(Fraction(1), start)
    begin = start if first else _after_and(words, start)
    small = _below_hundred(words, begin)
    end = begin if small is None else small.end
    if _at(words, end) != _HUNDRED:
        return None if small is None else Found(small.value, small.end, joined=begin > start)
    hundreds = Fraction(100) if small is None else small.value * 100
    rest_at = _after_and(words, end + 1)
    rest = _below_hundred(words, rest_at)
    if rest is None:
        return Found(hundreds, end + 1, joined=begin > start)
    return Found(hundreds + rest.value, rest.end, joined=begin > start or rest_at > end + 1)


def _below_hundred(words: Sequence[str], start: int) -> Found | None:
    word = _at(words, start)
    if word not in _SMALL:
        return None
    if word in TENS and (unit := _at(words, start + 1)) in UNITS:
        return Found(Fraction(TENS[word] + UNITS[unit]), start + 2)
    return Found(Fraction(_SMALL[word]), start + 1)


def _after_and(words: Sequence[str], position: int) -> int:
    """The position after an "and" that may join a number; people say it before what is below a hundred."""
    return position + 1 if _at(words, position) == "and" and _at(words, position + 1) in _SMALL else position


def _at(words: Sequence[str], position: int) -> str:
    return words[position] if position < len(words) else ""
