"""What every benchmark prints: ratios to a peer measured in the same run, with their spread."""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Ours over the peer's: median of the rounds, with the lowest and highest round.

    `goal` is the bound that `ratio` should keep (None: there is none), `met` whether it does.
    """

    name: str
    ratio: float
    low: float
    high: float
    goal: str | None
    met: bool | None
    unit: str
    peer: str


def row(
    name: str,
    ratios: Sequence[float],
    *,
    peer: str,
    unit: str = "ratio",
    at_most: float | None = None,
    at_least: float | None = None,
) -> Row:
    """Make a row of at least five rounds' ratios. Raises ValueError for fewer."""
    if len(ratios) < 5:
        raise ValueError(f"{name}: {len(ratios)} rounds show no spread, run at least 5")
    ratio = statistics.median(ratios)
    goal, met = None, None
    if at_most is not None:
        goal, met = f"≤ {at_most:g}", ratio <= at_most
    elif at_least is not None:
        goal, met = f"≥ {at_least:g}", ratio >= at_least
    return Row(
        name=name,
        ratio=round(ratio, 3),
        low=round(min(ratios), 3),
        high=round(max(ratios), 3),
        goal=goal,
        met=met,
        unit=unit,
        peer=peer,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share (0…1) of the values lies, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run on the event loop on which our processes run."""
    try:
        import uvloop
    except ImportError:  # not on Windows
        return asyncio.run(main)
    return uvloop.run(main)


def arguments(description: str, *, rounds: int, per_round: int) -> argparse.Namespace:
    """The options that every benchmark has: --output, --rounds, --per-round."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--output", choices=("text", "json"), default="text")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--per-round", type=int, default=per_round)
    return parser.parse_args()


def show(rows: Sequence[Row], asides: Sequence[str], output: str) -> None:
    """Print the rows; absolute figures of this machine go to standard error, as an aside."""
    if output == "json":
        print(json.dumps([asdict(made) for made in rows], indent=2, ensure_ascii=False))
    else:
        for made in rows:
            goal = "" if made.goal is None else f"  goal {made.goal}: {'met' if made.met else 'NOT met'}"
            print(f"{made.name:48} {made.ratio:8.2f} × {made.peer}  ({made.low:.2f} … {made.high:.2f}){goal}")
    for aside in asides:
        print(aside, file=sys.stderr)
