"""The cell that calculates: typed requests and English sentences, exactly and within bounds.

What a person asks is evidence that somebody wants arithmetic, so it becomes a wave as well as an answer.
What cognition commanded is no evidence: she would hear the echo of her own voice.
"""

import asyncio
from collections.abc import Mapping, Sequence
from enum import Enum
from fractions import Fraction

from pydantic import JsonValue

from cells.math_cell.v1.arithmetic import Operation, Relation, as_json, compute, number, result_fields
from cells.math_cell.v1.sentence import SURE, Term, Understood, operands_of, understand
from shared.v1.cell import Call, Cell, Move
from shared.v1.errors import RefusedError
from shared.v1.manifest import Manifest
from shared.v1.messages import WaveSignal
from shared.v1.runtime import Context

_MAX_WAITING = 256  # waves that wait for their stream before requests are refused
_SHOWN_TEXT = 200  # characters of a sentence that a wave carries
_SHOWN_OPERANDS = 8
_SHOWN_DIGITS = 40


class MathState(Enum):
    """What the cell does with a request."""

    IDLE = "idle"  # nothing is asked
    COMPUTING = "computing"  # a request was recognised as arithmetic
    ERROR = "error"  # the last request had no result; the next one starts from here


class MathCell(Cell):
    """Answers `compute` and `answer`, and tells a wave of each that a person asked."""

    states = MathState
    initial = MathState.IDLE
    moves = (
        Move("recognise", (MathState.IDLE, MathState.ERROR), MathState.COMPUTING, 0.1),
        Move("answer", MathState.COMPUTING, MathState.IDLE, 0.1),
        Move("fail", MathState.COMPUTING, MathState.ERROR),
    )

    def __init__(self, manifest: Manifest) -> None:
        super().__init__(manifest)
        self._telling: set[asyncio.Task[WaveSignal]] = set()

    async def run(self, context: Context) -> None:
        """Answer until the process drains; then finish telling."""
        await super().run(context)
        await self.told()

    async def told(self) -> None:
        """Wait until the stream has every wave of what was asked so far."""
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def on_call(self, call: Call) -> Mapping[str, JsonValue]:
        """Calculate. Raises RefusedError if it is no arithmetic, has no result, or is too large."""
        if len(self._telling) >= _MAX_WAITING:
            raise RefusedError(
                f"{_MAX_WAITING} waves wait for their stream: run `nimmerverse streams apply`, "
                "or see whether JetStream is there",
                code=503,
            )
        understood = _understood(call)
        term = understood.term
        operands: Sequence[Fraction] = ()
        self.move("recognise")
        try:
            operands = operands_of(term)
            result = compute(term.operation, operands, term.relation)
        except Exception:
            self.move("fail")
            raise
        else:
            self.move("answer")
        finally:
            if not call.command:
                self._tell(understood, operands, call.arguments["text"] if call.verb == "answer" else "")
        fields: dict[str, JsonValue] = {**result_fields(result), "operation": term.operation.value}
        if term.operation is Operation.COMPARE:
            fields["relation"] = term.relation.value
        fields["operands"] = [as_json(operand) for operand in operands]
        return {**fields, "confidence": understood.confidence} if call.verb == "answer" else fields

    def _tell(self, understood: Understood, operands: Sequence[Fraction], text: str) -> None:
        """Emit without letting the person wait for the stream."""
        payload: dict[str, JsonValue] = {
            "operation": understood.term.operation.value,
            "operands": [_shown(operand) for operand in operands[:_SHOWN_OPERANDS]],
        }
        if text:
            payload["text"] = text[:_SHOWN_TEXT]
        telling = asyncio.create_task(
            self.emit(understood.confidence, semantic=understood.term.operation.label, payload=payload)
        )
        self._telling.add(telling)
        telling.add_done_callback(self._on_told)

    def _on_told(self, telling: asyncio.Task[WaveSignal]) -> None:
        self._telling.discard(telling)
        if not telling.cancelled() and (error := telling.exception()) is not None:
            self.context.failed("a wave was not told", error)


def _understood(call: Call) -> Understood:
    if call.verb == "answer":
        return understand(call.arguments["text"])
    term = Term(
        operation=Operation(call.arguments["operation"]),
        operands=tuple(number(written) for written in call.arguments["operands"]),
        relation=Relation(call.arguments.get("relation", Relation.GREATER)),
    )
    return Understood(term=term, confidence=SURE)


def _shown(operand: Fraction) -> JsonValue:
    told = as_json(operand)
    return told[:_SHOWN_DIGITS] + "…" if isinstance(told, str) and len(told) > _SHOWN_DIGITS else told
