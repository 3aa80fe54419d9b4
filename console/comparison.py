"""How two courses of gates differ, as a table and as a document."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from console.essence import gate_state
from console.printing import stdout
from shared.v1.messages import GateTransition
from thalamus.whatif import Comparison


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON; transitions without their evidence."""
    return {
        "same": comparison.same,
        "gained": [_document(moved) for moved in comparison.gained],
        "lost": [_document(moved) for moved in comparison.lost],
        "moved": [
            {
                "before": _document(moved.before),
                "after": _document(moved.after),
                "shift_ms": moved.shift_ms,
            }
            for moved in comparison.moved
        ],
    }


def counts(comparison: Comparison) -> str:
    """The comparison in one line."""
    return (
        f"{comparison.same} the same, {len(comparison.gained)} gained, {len(comparison.lost)} lost, "
        f"{len(comparison.moved)} moved"
    )


def print_comparison(comparison: Comparison) -> None:
    """Print a row per transition that differs, in order of time."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("time", "what", "gate", "from → to", "cause", "S", "shift ms"):
        table.add_column(column, justify="right" if column in ("S", "shift ms") else "left", no_wrap=True)
    for what, moved, shift in sorted(_rows(comparison), key=lambda row: row[1].at):
        at = f"{moved.at:%Y-%m-%d %H:%M:%S}.{moved.at.microsecond // 1000:03}"
        change = f"{gate_state(moved.from_state)} → {gate_state(moved.to_state)}"
        table.add_row(at, what, moved.gate, change, moved.cause, f"{moved.correlation:.3f}", shift)
    if table.row_count:
        stdout().print(table)


def _rows(comparison: Comparison) -> Iterator[tuple[str, GateTransition, str]]:
    for moved in comparison.gained:
        yield "gained", moved, ""
    for moved in comparison.lost:
        yield "lost", moved, ""
    for pair in comparison.moved:
        yield "moved", pair.after, f"{pair.shift_ms:+}"


def _document(moved: GateTransition) -> dict[str, Any]:
    return moved.model_dump(mode="json", exclude={"evidence"})
