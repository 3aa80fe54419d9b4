"""From a sentence to tokens: numbers in digits or English words, operators, filler. No grammar yet.

A word that is in none of the tables is refused by its name; nothing is guessed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from cells.math_cell.v1 import number_words
from cells.math_cell.v1.arithmetic import Operation, Relation
from shared.v1.errors import RefusedError

MAX_SENTENCE = 500  # characters
_SHOWN = 40  # characters of a wrong word that a refusal quotes


class Kind(Enum):
    """What a token is to the grammar."""

    NUMBER = "number"  # `value` is a Fraction
    INFIX = "infix"  # `value` is an Operation
    COMPARISON = "comparison"  # `value` is a Relation
    POSTFIX = "postfix"  # `value` is the exponent: squared, cubed
    NEGATION = "negation"  # negative; "minus" is an infix that may stand before a number too
    LISTING = "listing"  # sum of: `value` is an Operation
    IMPERATIVE = "imperative"  # add … to: `value` is an Operation
    CONNECTOR = "connector"  # and, a comma, to, from, by
    OPEN = "open"
    CLOSE = "close"
    FILLER = "filler"  # words that people say around a question
    PUNCTUATION = "punctuation"


Value = Fraction | Operation | Relation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of the sentence; `words` counts those that it spans.

    `joined` marks a number with "and" in it, which in an enumeration might be two numbers.
    """

    kind: Kind
    text: str
    words: int = 1
    value: Value = None
    joined: bool = False


def tokenize(sentence: str) -> list[Token]:
    """Cut a sentence into tokens. Raises RefusedError that names what is not understood."""
    if len(sentence) > MAX_SENTENCE:
        raise RefusedError(
            f"the text has {len(sentence)} characters: ask with at most {MAX_SENTENCE}", code=422
        )
    words = list(_words(sentence.lower()))
    tokens = []
    position = 0
    while position < len(words):
        found = number_words.read(words, position)
        if found is None:
            token = _phrase(words, position)
        else:
            text = " ".join(words[position : found.end])
            token = Token(
                kind=Kind.NUMBER,
                text=text,
                words=found.end - position,
                value=found.value,
                joined=found.joined,
            )
        tokens.append(token)
        position += token.words
    return _without_pauses(tokens)


_WORD = re.compile(
    rf"""(?P<blank>\s+)
    |(?P<compound>(?:{"|".join(number_words.TENS)})-(?:{"|".join(number_words.UNITS)})(?![a-z]))
    |(?P<digits>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)
    |(?P<word>[a-z]+(?:['’][a-z]+)?)
    |(?P<symbol>\*\*|<=|>=|!=|==|[-+*/^()<>=,?!.:×÷−–²³≤≥≠])""",
    re.VERBOSE,
)
_GROUPED = re.compile(r"[0-9]+(?:,[0-9]+)+")

_FILLER = (  # noqa: SIM905 - as a list it would take forty lines
    "a an answer are calculate can compute could do does evaluate find give hello hey hi how i is it me much "
    "now out please raise raised result so solve tell thanks that the then us what what's whats will work "
    "would you"
).split()
_SPOKEN: Mapping[str, tuple[Kind, Value]] = {
    "+": (Kind.INFIX, Operation.ADD),
    "plus": (Kind.INFIX, Operation.ADD),
    "added to": (Kind.INFIX, Operation.ADD),
    "-": (Kind.INFIX, Operation.SUBTRACT),
    "−": (Kind.INFIX, Operation.SUBTRACT),
    "–": (Kind.INFIX, Operation.SUBTRACT),
    "minus": (Kind.INFIX, Operation.SUBTRACT),
    "*": (Kind.INFIX, Operation.MULTIPLY),
    "×": (Kind.INFIX, Operation.MULTIPLY),
    "x": (Kind.INFIX, Operation.MULTIPLY),
    "times": (Kind.INFIX, Operation.MULTIPLY),
    "multiplied by": (Kind.INFIX, Operation.MULTIPLY),
    "/": (Kind.INFIX, Operation.DIVIDE),
    "÷": (Kind.INFIX, Operation.DIVIDE),
    "over": (Kind.INFIX, Operation.DIVIDE),
    "divided by": (Kind.INFIX, Operation.DIVIDE),
    "^": (Kind.INFIX, Operation.POWER),
    "**": (Kind.INFIX, Operation.POWER),
    "to the power": (Kind.INFIX, Operation.POWER),
    "to the power of": (Kind.INFIX, Operation.POWER),
    "squared": (Kind.POSTFIX, Fraction(2)),
    "²": (Kind.POSTFIX, Fraction(2)),
    "cubed": (Kind.POSTFIX, Fraction(3)),
    "³": (Kind.POSTFIX, Fraction(3)),
    "negative": (Kind.NEGATION, Operation.SUBTRACT),
    "sum": (Kind.LISTING, Operation.ADD),
    "difference": (Kind.LISTING, Operation.SUBTRACT),
    "product": (Kind.LISTING, Operation.MULTIPLY),
    "quotient": (Kind.LISTING, Operation.DIVIDE),
    "sum of": (Kind.LISTING, Operation.ADD),
    "difference of": (Kind.LISTING, Operation.SUBTRACT),
    "difference between": (Kind.LISTING, Operation.SUBTRACT),
    "product of": (Kind.LISTING, Operation.MULTIPLY),
    "quotient of": (Kind.LISTING, Operation.DIVIDE),
    "add": (Kind.IMPERATIVE, Operation.ADD),
    "subtract": (Kind.IMPERATIVE, Operation.SUBTRACT),
    "multiply": (Kind.IMPERATIVE, Operation.MULTIPLY),
    "divide": (Kind.IMPERATIVE, Operation.DIVIDE),
    "<": (Kind.COMPARISON, Relation.LESS),
    "less than": (Kind.COMPARISON, Relation.LESS),
    "smaller than": (Kind.COMPARISON, Relation.LESS),
    "<=": (Kind.COMPARISON, Relation.LESS_OR_EQUAL),
    "≤": (Kind.COMPARISON, Relation.LESS_OR_EQUAL),
    "at most": (Kind.COMPARISON, Relation.LESS_OR_EQUAL),
    "less than or equal to": (Kind.COMPARISON, Relation.LESS_OR_EQUAL),
    "=": (Kind.COMPARISON, Relation.EQUAL),
    "==": (Kind.COMPARISON, Relation.EQUAL),
    "equal": (Kind.COMPARISON, Relation.EQUAL),
    "equals": (Kind.COMPARISON, Relation.EQUAL),
    "equal to": (Kind.COMPARISON, Relation.EQUAL),
    "!=": (Kind.COMPARISON, Relation.NOT_EQUAL),
    "≠": (Kind.COMPARISON, Relation.NOT_EQUAL),
    "not equal to": (Kind.COMPARISON, Relation.NOT_EQUAL),
    ">=": (Kind.COMPARISON, Relation.GREATER_OR_EQUAL),
    "≥": (Kind.COMPARISON, Relation.GREATER_OR_EQUAL),
    "at least": (Kind.COMPARISON, Relation.GREATER_OR_EQUAL),
    "greater than or equal to": (Kind.COMPARISON, Relation.GREATER_OR_EQUAL),
    ">": (Kind.COMPARISON, Relation.GREATER),
    "greater than": (Kind.COMPARISON, Relation.GREATER),
    "larger than": (Kind.COMPARISON, Relation.GREATER),
    "bigger than": (Kind.COMPARISON, Relation.GREATER),
    "more than": (Kind.COMPARISON, Relation.GREATER),
    "and": (Kind.CONNECTOR, None),
    ",": (Kind.CONNECTOR, None),
    "to": (Kind.CONNECTOR, None),
    "from": (Kind.CONNECTOR, None),
    "by": (Kind.CONNECTOR, None),
    "(": (Kind.OPEN, None),
    ")": (Kind.CLOSE, None),
    **dict.fromkeys("?!.:", (Kind.PUNCTUATION, None)),
    **dict.fromkeys(_FILLER, (Kind.FILLER, None)),
    "result of": (Kind.FILLER, None),
    "value of": (Kind.FILLER, None),
}
_LONGEST = max(len(phrase.split()) for phrase in _SPOKEN)


def _words(sentence: str) -> Iterator[str]:
    if grouped := _GROUPED.search(sentence):
        raise RefusedError(
            f'"{grouped[0][:_SHOWN]}" may be one number or two: write 1000 without a comma, '
            "and a list with a blank after each comma",
            code=422,
        )
    position = 0
    while position < len(sentence):
        found = _WORD.match(sentence, position)
        if found is None:
            raise RefusedError(f'I do not know the sign "{sentence[position]}": {_ADVICE}', code=422)
        if found["compound"]:
            yield from found["compound"].split("-")
        elif not found["blank"]:
            yield found[0].replace("’", "'")
        position = found.end()


_ADVICE = 'ask with numbers and words like plus, minus, times, divided by: "what is 15 plus 27?"'


def _phrase(words: Sequence[str], position: int) -> Token:
    for length in range(_LONGEST, 0, -1):
        text = " ".join(words[position : position + length])
        # At the end of the sentence a slice is shorter than asked.
        if text in _SPOKEN and text.count(" ") == length - 1:
            kind, value = _SPOKEN[text]
            return Token(kind=kind, text=text, words=length, value=value)
    word = words[position]
    shown = word if len(word) <= _SHOWN else word[:_SHOWN] + "…"
    raise RefusedError(f'I do not know the word "{shown}": {_ADVICE}', code=422)


def _without_pauses(tokens: Sequence[Token]) -> list[Token]:
    """Turn commas beside filler into punctuation: "please, what is …" enumerates nothing."""
    silent = (Kind.FILLER, Kind.PUNCTUATION)
    around = [None, *tokens, None]
    kept = []
    for before, token, after in zip(around, tokens, around[2:], strict=False):
        is_pause = token.text == "," and any(side is None or side.kind in silent for side in (before, after))
        kept.append(Token(kind=Kind.PUNCTUATION, text=",") if is_pause else token)
    return kept
