"""The grammar of arithmetic sentences: from "what is 15 plus 27?" to an operation and its operands.

Operators bind as in school: powers (from the right), then a minus before a number, then × and ÷, then
+ and −, then one comparison. What English leaves open is not guessed but refused with advice: an operator
after an enumeration ("sum of 3 and 4 times 2"), "what is 3 less than 5".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from cells.math_cell.v1.arithmetic import MAX_OPERANDS, Operation, Relation, compute
from cells.math_cell.v1.tokens import Kind, Token, tokenize
from shared.v1.errors import RefusedError

SURE = 0.95
"""The confidence of a request that leaves no doubt that it is arithmetic."""

_MAX_DEPTH = 32
_SHOWN = 40  # characters of the text that a refusal quotes
_ADDITIVE, _MULTIPLICATIVE, _NEGATION, _POWER = 1, 2, 3, 4
_BINDING = {
    Operation.ADD: _ADDITIVE,
    Operation.SUBTRACT: _ADDITIVE,
    Operation.MULTIPLY: _MULTIPLICATIVE,
    Operation.DIVIDE: _MULTIPLICATIVE,
    Operation.POWER: _POWER,
}
_FLAT = frozenset({Operation.ADD, Operation.MULTIPLY})
_ENUMERATING = frozenset({"and", ","})
_JOINS = {  # what may stand between the operands of "add … to …"
    Operation.ADD: _ENUMERATING | {"to"},
    Operation.SUBTRACT: frozenset({"from"}),
    Operation.MULTIPLY: _ENUMERATING | {"by"},
    Operation.DIVIDE: frozenset({"by"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """An operation on numbers and on other operations."""

    operation: Operation
    operands: "tuple[Expression, ...]"
    relation: Relation = Relation.GREATER


Expression = Fraction | Term

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What a sentence asks for, and how sure it is (0…1) that the sentence as a whole asks for that."""

    term: Term
    confidence: float


def understand(sentence: str) -> Understood:
    """Parse a sentence. Raises RefusedError with a sentence that names what is in the way."""
    tokens = tokenize(sentence)
    silent = (Kind.FILLER, Kind.PUNCTUATION)
    telling = [token for token in tokens if token.kind not in silent]
    if telling and telling[-1].value is Relation.EQUAL:  # "15 + 27 =", "what does 15 plus 27 equal?"
        telling.pop()
    if not any(token.kind is Kind.NUMBER for token in telling):
        raise RefusedError('there is no number in the text: ask like "what is 15 plus 27?"', code=422)
    filler = sum(token.words for token in tokens if token.kind is Kind.FILLER)
    term = _Parser(telling, asks_what=any(token.text in _ASKS_WHAT for token in tokens)).parse()
    return Understood(term=term, confidence=confidence(sum(token.words for token in telling), filler))


def confidence(telling: int, filler: int) -> float:
    """How sure a sentence of so many arithmetic words and so many words of filler is arithmetic.

    A word of filler counts half, for it is known but says nothing; where filler outnumbers arithmetic the
    confidence falls with their ratio. "15 + 27" gives 0.95, "what is 15 plus 27?" 0.76.
    """
    share = (telling + filler / 2) / (telling + filler)
    return round(SURE * share * min(1.0, telling / filler if filler else 1.0), 4)


def operands_of(term: Term) -> tuple[Fraction, ...]:
    """The operands as numbers. Raises RefusedError where `compute` does."""
    return tuple(_number(operand) for operand in term.operands)


def _number(expression: Expression) -> Fraction:
    if isinstance(expression, Fraction):
        return expression
    # The grammar lets comparisons stand outermost only, so what is computed inside is a number.
    return Fraction(compute(expression.operation, operands_of(expression), expression.relation))


_ASKS_WHAT = frozenset({"what", "what's", "whats", "much"})


class _Parser:
    """One pass over the tokens; each method reads what it is named after."""

    def __init__(self, tokens: Sequence[Token], *, asks_what: bool) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0
        self._enumerates = False
        self._asks_what = asks_what

    def parse(self) -> Term:
        if sum(token.kind is Kind.NUMBER for token in self._tokens) > MAX_OPERANDS:
            raise RefusedError(f"the text has more than {MAX_OPERANDS} numbers", code=422)
        expression = self._expression(_ADDITIVE)
        relation = self._take(Kind.COMPARISON, Relation)
        if relation is not None:
            expression = self._comparison(expression, relation)
        if self._position < len(self._tokens):
            raise self._unexpected()
        if isinstance(expression, Fraction):
            raise RefusedError(
                'there is only a number in the text: say what to do with it, as in "15 plus 27"', code=422
            )
        return expression

    def _comparison(self, left: Expression, relation: Relation) -> Term:
        if self._asks_what and self._taken.text.endswith("than"):
            raise RefusedError(
                f'"what is … {self._taken.text} …" may mean a difference or a comparison: '
                'say "5 minus 3", or "is 3 less than 5"',
                code=422,
            )
        right = self._expression(_ADDITIVE)
        return Term(operation=Operation.COMPARE, operands=(left, right), relation=relation)

    def _expression(self, least: int) -> Expression:
        """Operands and the operators between them that bind at least as tightly as `least`."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise RefusedError(f"the text is nested more than {_MAX_DEPTH} deep", code=422)
        left = self._operand()
        grows = False  # whether `left` is a sum or product of this very chain, not of parentheses
        while (operation := self._infix(least)) is not None:
            binding = _BINDING[operation]
            right = self._expression(binding if operation is Operation.POWER else binding + 1)
            if grows and operation in _FLAT and isinstance(left, Term) and left.operation is operation:
                left = Term(operation=operation, operands=(*left.operands, right))
            else:
                left = Term(operation=operation, operands=(left, right))
            grows = True
        self._depth -= 1
        return left

    def _infix(self, least: int) -> Operation | None:
        token = self._peek(Kind.INFIX)
        if token is None or not isinstance(token.value, Operation) or _BINDING[token.value] < least:
            return None
        return self._take(Kind.INFIX, Operation)

    def _operand(self) -> Expression:
        operand = self._bare_operand()
        while (exponent := self._take(Kind.POSTFIX, Fraction)) is not None:
            operand = Term(operation=Operation.POWER, operands=(operand, exponent))
        return operand

    def _bare_operand(self) -> Expression:
        number = self._take(Kind.NUMBER, Fraction)
        if number is not None:
            if self._taken.joined and self._enumerates:
                raise RefusedError(
                    f'"{_short(self._taken.text)}" may be one number or two here: write it in digits', code=422
                )
            return number
        if self._peek(Kind.OPEN):
            return self._parenthesis()
        operation = self._take(Kind.LISTING, Operation) or self._take(Kind.IMPERATIVE, Operation)
        if operation is not None:
            return self._enumeration(operation)
        sign = self._peek(Kind.NEGATION) or self._peek(Kind.INFIX)
        if sign is not None and sign.value is Operation.SUBTRACT:
            return self._negation()
        raise self._unexpected()

    def _negation(self) -> Expression:
        self._position += 1
        operand = self._expression(_NEGATION)
        if isinstance(operand, Fraction):
            return -operand
        return Term(operation=Operation.SUBTRACT, operands=(Fraction(0), operand))

    def _parenthesis(self) -> Expression:
        self._position += 1
        outside, self._enumerates = self._enumerates, False
        inner = self._expression(_ADDITIVE)
        if not self._peek(Kind.CLOSE):
            raise self._unexpected()
        self._position += 1
        self._enumerates = outside
        return inner

    def _enumeration(self, operation: Operation) -> Term:
        """The operands after "sum of" or "add". Nothing may follow that could belong to the last one."""
        opening = self._taken
        if self._enumerates:
            raise self._ambiguous(opening)
        self._enumerates = True
        spoken = opening.kind is Kind.IMPERATIVE
        joins = _JOINS[operation] if spoken else _ENUMERATING
        operands = [self._expression(_POWER)]
        while (connector := self._peek(Kind.CONNECTOR)) and connector.text in joins:
            self._position += 1
            also = self._peek(Kind.CONNECTOR)
            if connector.text == "," and also is not None and also.text == "and":
                self._position += 1
            operands.append(self._expression(_POWER))
        self._enumerates = False
        if self._peek(Kind.INFIX):
            raise self._ambiguous(opening)
        if len(operands) < 2:
            raise self._unexpected()
        if spoken and operation is Operation.SUBTRACT:
            operands.reverse()  # subtract 3 from 10
        return Term(operation=operation, operands=tuple(operands))

    def _peek(self, kind: Kind) -> Token | None:
        token = self._tokens[self._position] if self._position < len(self._tokens) else None
        return token if token is not None and token.kind is kind else None

    def _take(self, kind: Kind, type_: type[T]) -> T | None:
        """The value of the next token, if it is of that kind; then it is behind us."""
        token = self._peek(kind)
        if token is None or not isinstance(token.value, type_):
            return None
        self._position += 1
        return token.value

    @property
    def _taken(self) -> Token:
        return self._tokens[self._position - 1]

    @staticmethod
    def _ambiguous(opening: Token) -> RefusedError:
        return RefusedError(
            f'how far "{opening.text}" reaches is not clear: put parentheses, as in "(sum of 3 and 4) times 2"',
            code=422,
        )

    def _unexpected(self) -> RefusedError:
        if self._position >= len(self._tokens):
            return RefusedError("the text ends where a number or a parenthesis is missing", code=422)
        token = self._tokens[self._position]
        before = self._tokens[self._position - 1] if self._position else None
        if token.kind is Kind.NUMBER and before is not None and before.kind is Kind.NUMBER:
            return RefusedError(
                f'"{_short(before.text)}" and "{_short(token.text)}" stand side by side: '
                "put an operator between them",
                code=422,
            )
        return RefusedError(f'"{_short(token.text)}" cannot be understood where it stands', code=422)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
