"""Random arithmetic as people write it, with its value: the other way round from the parser."""

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety"

_ADDITIVE, _MULTIPLICATIVE, _NEGATION, _POWER, _ATOM = range(1, 6)


@dataclass(frozen=True, slots=True)
class Spelled:
    """A text, how tightly its outermost operator binds, and its value."""

    text: str
    binding: int
    value: Fraction


def in_words(number: int, *, hyphen: str = "-", conjunction: str = "") -> str:
    """An English number below a billion: 205 with the conjunction "and " is two hundred and five."""
    if number < 20:
        return _UNITS.split()[number]
    if number < 100:
        unit = hyphen + in_words(number % 10) if number % 10 else ""
        return _TENS.split()[number // 10] + unit
    for scale, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= scale:
            rest = number % scale
            said = f"{in_words(number // scale, hyphen=hyphen, conjunction=conjunction)} {name}"
            if not rest:
                return said
            joint = conjunction if rest < 100 else ""
            return f"{said} {joint}{in_words(rest, hyphen=hyphen, conjunction=conjunction)}"
    raise AssertionError(number)


whole_numbers = st.integers(min_value=0, max_value=999_999_999)
small_numbers = st.integers(min_value=0, max_value=120)


@st.composite
def numbers(draw: st.DrawFn, *, conjunctions: tuple[str, ...] = ("", "and ")) -> Spelled:
    """A number in digits or words."""
    number = draw(small_numbers | whole_numbers)
    match draw(st.sampled_from(["digits", "words", "decimal"])):
        case "digits":
            text = str(number)
        case "words":
            hyphen, conjunction = draw(st.sampled_from("- ")), draw(st.sampled_from(conjunctions))
            text = in_words(number, hyphen=hyphen, conjunction=conjunction)
        case _:
            places = draw(st.text("0123456789", min_size=1, max_size=6))
            return Spelled(f"{number}.{places}", _ATOM, Fraction(f"{number}.{places}"))
    return Spelled(text, _ATOM, Fraction(number))


def _inside(operand: Spelled, least: int) -> str:
    return operand.text if operand.binding >= least else f"({operand.text})"


@st.composite
def _operations(draw: st.DrawFn, parts: st.SearchStrategy[Spelled]) -> Spelled:
    left, right = draw(parts), draw(parts)
    match draw(st.sampled_from(["add", "subtract", "multiply", "divide", "square", "negate", "bracket"])):
        case "add":
            sign = draw(st.sampled_from(["+", "plus", "added to"]))
            text = f"{_inside(left, _ADDITIVE)} {sign} {_inside(right, _MULTIPLICATIVE)}"
            return Spelled(text, _ADDITIVE, left.value + right.value)
        case "subtract":
            sign = draw(st.sampled_from(["-", "minus", "−"]))
            text = f"{_inside(left, _ADDITIVE)} {sign} {_inside(right, _MULTIPLICATIVE)}"
            return Spelled(text, _ADDITIVE, left.value - right.value)
        case "multiply":
            sign = draw(st.sampled_from(["*", "x", "times", "multiplied by", "×"]))
            text = f"{_inside(left, _MULTIPLICATIVE)} {sign} {_inside(right, _NEGATION)}"
            return Spelled(text, _MULTIPLICATIVE, left.value * right.value)
        case "divide" if right.value:
            sign = draw(st.sampled_from(["/", "over", "divided by", "÷"]))
            text = f"{_inside(left, _MULTIPLICATIVE)} {sign} {_inside(right, _NEGATION)}"
            return Spelled(text, _MULTIPLICATIVE, left.value / right.value)
        case "square":
            exponent = draw(st.sampled_from([0, 1, 2, 3]))
            signs = ["^", "**", "to the power of", "raised to the power of"]
            spelled = [f" {sign} {exponent}" for sign in signs]
            spelled += {2: [" squared", "²"], 3: [" cubed", "³"]}.get(exponent, [])
            text = f"{_inside(left, _ATOM)}{draw(st.sampled_from(spelled))}"
            return Spelled(text, _POWER, left.value**exponent)
        case "negate":
            sign = draw(st.sampled_from(["-", "minus ", "negative "]))
            return Spelled(f"{sign}{_inside(left, _NEGATION)}", _NEGATION, -left.value)
        case _:
            return Spelled(f"({left.text})", _ATOM, left.value)


expressions: st.SearchStrategy[Spelled] = st.recursive(
    numbers(), lambda parts: _operations(parts), max_leaves=8
)


@st.composite
def questions(draw: st.DrawFn) -> Spelled:
    """An expression that has an operation, with what people say around it."""
    left, right = draw(expressions), draw(expressions)
    asked = f"{_inside(left, _ADDITIVE)} plus {_inside(right, _MULTIPLICATIVE)}"
    around = [
        "{}",
        "what is {}?",
        "Please calculate {}.",
        "how much is {}",
        "WHAT IS {} =",
        "what does {} equal?",
    ]
    text = draw(st.sampled_from(around)).format(asked)
    return Spelled(text, _ADDITIVE, left.value + right.value)
