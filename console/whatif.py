"""`nimmerverse whatif`: the same inputs under other rules, and openings over a sweep of one number."""

from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from rich.table import Table

from console.command import say, write
from console.comparison import comparison_document, counts, print_comparison
from console.connection import open_bus
from console.exits import CommandError, Exit
from console.options import Output, Where
from console.printing import stdout, write_json
from console.ranges import Range, Wanted, range_of, say_what_is_lost, span_in
from console.rule_text import Sweep, changes_in, changes_of, sweep_of
from shared.v1.errors import RefusedError
from shared.v1.messages import RuleChange
from shared.v1.streams import SENSES
from thalamus.history import Span, read_span
from thalamus.replay import input_of, state_before
from thalamus.whatif import Course, compare

_BAR = 40  # characters of the longest bar
_EIGHTHS = " ▏▎▍▌▋▊▉"
_HOUR_MS = 3_600_000


async def whatif(
    where: Where, wanted: Wanted, settings: Sequence[str], rules: Path | None, within_ms: int, output: Output
) -> Exit:
    """Print which transitions other rules would have gained, lost and moved."""
    asked = range_of(wanted)
    garden = asked.garden
    changes = _changes(settings, rules, garden)
    if not changes:
        raise CommandError("say what would be other: --set math.threshold=0.7, --rules FILE", Exit.USAGE)
    span, (before, after) = await _courses(where, asked, [[], changes])
    recorded, other = before.of(garden), after.of(garden)
    comparison = compare(recorded, other, within_ms=within_ms)
    if output is Output.JSON:
        write_json(
            {
                **_range(span),
                "rules": [_rule(change) for change in changes],
                "before": len(recorded),
                "after": len(other),
                **comparison_document(comparison),
            }
        )
    else:
        write(f"{len(recorded)} transitions under the recorded rules, {len(other)} under the others:")
        write(counts(comparison))
        print_comparison(comparison)
    return Exit.OK


async def sweep(
    where: Where, wanted: Wanted, settings: Sequence[str], rules: Path | None, sweep: str, output: Output
) -> Exit:
    """Print how often gates would have opened at each value of one number."""
    asked = range_of(wanted)
    garden = asked.garden
    numbers = sweep_of(sweep)
    changes = _changes(settings, rules, garden)
    swept = [
        [*changes, numbers.change(value).model_copy(update={"garden": garden or None})]
        for value in numbers.values
    ]
    span, (recorded, *courses) = await _courses(where, asked, [changes, *swept])
    hours = recorded.elapsed_ms(garden) / _HOUR_MS
    openings = [course.openings(garden) for course in courses]
    if output is Output.JSON:
        write_json(
            {
                **_range(span),
                "region": numbers.region,
                "name": numbers.name,
                "hours": hours,
                "openings": recorded.openings(garden),
                "values": [
                    {"value": value, "openings": count, "per_hour": count / hours if hours else None}
                    for value, count in zip(numbers.values, openings, strict=True)
                ],
            }
        )
    else:
        write(f"{recorded.openings(garden)} openings in {hours:.3g} hours without the sweep")
        stdout().print(_plot(numbers, openings, hours))
    return Exit.OK


def _changes(settings: Sequence[str], rules: Path | None, garden: str) -> list[RuleChange]:
    """What is asked about; `--set` holds for the garden that is asked about."""
    return [*(changes_in(rules) if rules else ()), *changes_of(settings, garden=garden)]


async def _courses(
    where: Where, asked: Range, rules: Sequence[Sequence[RuleChange]]
) -> tuple[Span, list[Course]]:
    """Fold a range once per set of rules, all in one reading."""
    async with open_bus(where, "whatif") as bus:
        span = await span_in(bus, where.env, asked)
        beginning = await state_before(bus, span)
        say_what_is_lost(beginning)
        courses = [Course.after(beginning.state, pins) for pins in rules]
        refused = 0
        async with aclosing(read_span(bus, SENSES, first=span.first, last=span.last)) as messages:
            async for message in messages:
                try:
                    item = input_of(message)
                except RefusedError:
                    refused += 1
                    continue
                for course in courses:
                    course.take(item)
    if refused:
        say(f"{refused} inputs were refused then, and are refused now")
    return span, courses


def _range(span: Span) -> dict[str, int]:
    return {"first": span.first, "last": span.last}


def _rule(change: RuleChange) -> dict[str, Any]:
    return change.model_dump(mode="json", exclude_defaults=True)


def _plot(sweep: Sweep, openings: Sequence[int], hours: float) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in (sweep.name, "openings", "per hour"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    most = max(openings)
    for value, count in zip(sweep.values, openings, strict=True):
        rate = f"{count / hours:,.1f}" if hours else ""
        table.add_row(f"{value:g}", str(count), rate, bar(count / most if most else 0.0))
    return table


def bar(share: float) -> str:
    """A share of 0…1 as a bar, to an eighth of a character."""
    eighths = round(share * _BAR * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
