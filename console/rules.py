"""`nimmerverse rules`: what holds for gates, who changed it and why, and what a trial beside it tells."""

import getpass
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from console.command import say, write
from console.comparison import comparison_document, counts, print_comparison
from console.connection import open_bus
from console.essence import printable
from console.exits import CommandError, Exit
from console.gates import ANSWER_S
from console.options import Output, Where
from console.printing import stdout, write_json
from console.ranges import garden_of
from console.rule_text import NUMBERS, changes_of
from shared.v1.bus import Bus, Stored
from shared.v1.errors import RefusedError
from shared.v1.messages import GateTransition, RuleChange, RulesAnswer, RuleScope
from shared.v1.streams import SENSES
from shared.v1.subjects import RULES_QUESTION, THALAMUS, Kind
from thalamus.decisions import time_of
from thalamus.history import Span, decisions_between, read_span
from thalamus.whatif import compare as compare_transitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Shadow rules from the input that began them to the newest, or to the one that ended them."""

    began: int
    until: int
    ended: bool


async def show(where: Where, output: Output) -> Exit:
    """Print the rules that hold, and those that are tried."""
    async with open_bus(where, "rules") as bus:
        answer = await _ask(bus, where.env)
    if output is Output.JSON:
        write(answer.to_bytes().decode())
        return Exit.OK
    console = stdout()
    console.print(
        f"version {answer.version}: made by {SENSES}:{answer.version}" if answer.version else "the defaults"
    )
    _print_scopes(console, "Said beyond the defaults; what is nearer to a gate overrules", answer.scopes)
    if answer.shadow_version is not None:
        _print_scopes(
            console, f"Tried in the shadow since then, version {answer.shadow_version}", answer.shadow_scopes
        )
    if answer.vocabulary:
        console.print(Text("\nVocabulary", style="bold"))
        labels: dict[str, list[str]] = {}
        for label, region in answer.vocabulary.items():
            labels.setdefault(region, []).append(label)
        for region, known in sorted(labels.items()):
            console.print(f"{region}: {printable(', '.join(sorted(known)))}")
    return Exit.OK


async def change(
    where: Where, settings: Sequence[str], garden: str, why: str, output: Output, *, shadow: bool
) -> Exit:
    """Publish rule changes that were checked before; print where they stand in SENSES."""
    changes = changes_of(settings, garden=garden_of(garden))
    signed = {"who": _who(), "why": _checked_why(why), "shadow": "on" if shadow else None}
    return await _publish(where, [made.model_copy(update=signed) for made in changes], output)


async def drop(where: Where, why: str, output: Output) -> Exit:
    """End the trial of shadow rules."""
    ending = RuleChange(shadow="off", who=_who(), why=_checked_why(why))
    async with open_bus(where, "rules") as bus:
        if (await _ask(bus, where.env)).shadow_version is None:
            raise CommandError("no rules are tried in the shadow, so nothing can be dropped", Exit.NOT_MET)
    return await _publish(where, [ending], output)


async def rollback(where: Where, version: int, why: str, output: Output) -> Exit:
    """Take back all rule changes after a version."""
    async with open_bus(where, "rules") as bus:
        answer = await _ask(bus, where.env)
    known = [record.seq for record in answer.history]
    if version != 0 and version not in known:
        raise CommandError(
            f"there is no rule change {version}: say 0 for the defaults, or one of "
            f"{', '.join(map(str, known[-8:])) or 'none yet'} (`nimmerverse rules history`)",
            Exit.USAGE,
        )
    return await _publish(where, [RuleChange(rollback_to=version, who=_who(), why=_checked_why(why))], output)


async def history(where: Where, output: Output) -> Exit:
    """Print all rule changes that SENSES holds: when, by whom, why."""
    async with open_bus(where, "rules") as bus:
        messages = await _rule_messages(bus, where.env)
    if output is Output.JSON:
        write_json([_record(message) for message in messages])
        return Exit.OK
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("position", "time", "who", "what", "why"):
        table.add_column(column, no_wrap=True)
    for message in messages:
        record = _record(message)
        given = record["change"]
        what = record["refused"] or _what(given)
        who, why = (printable(str(given.get(name, ""))) for name in ("who", "why"))
        at = f"{time_of(message.at_ms):%Y-%m-%d %H:%M:%S}"
        table.add_row(f"{SENSES}:{message.seq}", at, who, printable(what), why)
    if messages:
        stdout().print(table)
    else:
        say("no rule was changed: the defaults hold")
    return Exit.OK


async def compare(where: Where, within_ms: int, output: Output) -> Exit:
    """Print how the transitions of the newest trial differ from the live ones."""
    live: list[GateTransition] = []
    tried: list[GateTransition] = []
    async with open_bus(where, "rules") as bus:
        trial = await _newest_trial(bus, where.env)
        span = Span(first=trial.began + 1, last=trial.until, oldest=1)
        async with aclosing(decisions_between(bus, where.env, span)) as decisions:
            async for message in decisions:
                kind = message.subject.rsplit(".", 1)[1]
                if kind in (Kind.TRANSITION, Kind.SHADOW):
                    moved = GateTransition.from_bytes(message.body)
                    (live if kind == Kind.TRANSITION else tried).append(moved)
    comparison = compare_transitions(live, tried, within_ms=within_ms)
    if output is Output.JSON:
        document = {"began": trial.began, "ended": trial.until if trial.ended else None}
        write_json({**document, "live": len(live), "shadow": len(tried), **comparison_document(comparison)})
    else:
        until = f"to {SENSES}:{trial.until}" if trial.ended else "until now"
        write(f"tried from {SENSES}:{trial.began} {until}")
        write(f"{len(live)} live transitions, {len(tried)} in the shadow: {counts(comparison)}")
        print_comparison(comparison)
    return Exit.OK


async def _ask(bus: Bus, env: str) -> RulesAnswer:
    answer = await bus.request(RULES_QUESTION.subject(env, Kind.REQUEST), b"{}", timeout_s=ANSWER_S)
    return RulesAnswer.from_bytes(answer.body)


async def _publish(where: Where, changes: Sequence[RuleChange], output: Output) -> Exit:
    subject = THALAMUS.subject(where.env, Kind.RULES)
    async with open_bus(where, "rules") as bus:
        for made in changes:
            seq = await bus.append(subject, made.to_bytes())
            given = made.model_dump(mode="json", exclude_defaults=True)
            if output is Output.JSON:
                write_json({"stream": SENSES, "seq": seq, "subject": subject, "change": given})
            else:
                write(f"{SENSES}:{seq}  {printable(_what(given))}")
    return Exit.OK


async def _rule_messages(bus: Bus, env: str) -> list[Stored]:
    subject = THALAMUS.subject(env, Kind.RULES)
    newest = await bus.last_on(SENSES, subject)
    if newest is None:
        return []
    reading = read_span(bus, SENSES, first=1, last=newest.seq, filters=(subject,))
    async with aclosing(reading) as messages:
        return [message async for message in messages]


async def _newest_trial(bus: Bus, env: str) -> Trial:
    began, ended = 0, 0
    for message in await _rule_messages(bus, env):
        try:
            shadow = RuleChange.from_bytes(message.body).shadow
        except RefusedError:
            continue
        if shadow == "on" and (not began or ended):
            began, ended = message.seq, 0
        elif shadow == "off" and began and not ended:
            ended = message.seq
    if not began:
        raise CommandError(
            "no rules were tried yet: `nimmerverse rules set math.threshold=0.7 --shadow` begins", Exit.NOT_MET
        )
    return Trial(began=began, until=ended or await bus.last_seq(SENSES), ended=bool(ended))


def _record(message: Stored) -> dict[str, Any]:
    record: dict[str, Any] = {"seq": message.seq, "at": time_of(message.at_ms).isoformat(), "refused": ""}
    try:
        made = RuleChange.from_bytes(message.body)
    except RefusedError as error:
        return record | {"refused": f"refused: {error.reason}", "change": {}}
    return record | {"change": made.model_dump(mode="json", exclude_defaults=True)}


def _what(given: dict[str, Any]) -> str:
    """A rule change in words that `rules set` takes, where it is one."""
    scope = f"{given['region']}." if "region" in given else ""
    parts = [f"{scope}{name}={given[name]:g}" for name in NUMBERS if name in given]
    parts += [f"vocabulary.{label}={region}" for label, region in given.get("vocabulary", {}).items()]
    if "rollback_to" in given:
        parts.append(f"rollback to {given['rollback_to']}")
    if "garden" in given:
        parts.append(f"in {given['garden']}")
    if given.get("shadow") == "on":
        parts.append("in the shadow")
    elif given.get("shadow") == "off":
        parts.append("end of the shadow")
    return " ".join(parts) or "nothing"


def _print_scopes(console: Console, title: str, scopes: Sequence[RuleScope]) -> None:
    console.print(Text(f"\n{title}", style="bold"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("region", "garden", *NUMBERS):
        table.add_column(column, justify="right" if column in NUMBERS else "left", no_wrap=True)
    for scope in scopes:
        numbers = (getattr(scope, name) for name in NUMBERS)
        table.add_row(
            scope.region or "all",
            scope.garden or "all",
            *("" if number is None else f"{number:g}" for number in numbers),
        )
    console.print(table if scopes else "nothing")


def _who() -> str:
    """The name of the user, as the operating system knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in many containers
        return ""


def _checked_why(why: str) -> str:
    try:
        return RuleChange.from_fields({"why": why}).why
    except RefusedError as error:
        raise CommandError(error.reason, Exit.USAGE) from None
