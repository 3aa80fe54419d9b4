"""Rules as people write them: `math.threshold=0.7`, a TOML file, a sweep. Checked before anything happens."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from console.exits import CommandError, Exit
from shared.v1.errors import RefusedError
from shared.v1.messages import RuleChange
from thalamus.rules import GateRules

NUMBERS = tuple(field.name for field in fields(GateRules))
"""What can be set for a gate."""

_WHOLE = tuple(field.name for field in fields(GateRules) if field.type is int)
_IN_FILES = ("region", "garden", *NUMBERS, "vocabulary", "who", "why")
_MAX_STEPS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A number of the rules at several values. `region` is None for all."""

    region: str | None
    name: str
    values: tuple[float, ...]

    def change(self, value: float) -> RuleChange:
        """The rule change of one value."""
        return _checked({"region": self.region, self.name: value})


def changes_of(settings: Sequence[str], *, garden: str = "") -> list[RuleChange]:
    """Rule changes, one per region, from `[REGION.]NAME=VALUE` and `vocabulary.LABEL=REGION`.

    Raises CommandError with what to write.
    """
    by_region: dict[str | None, dict[str, Any]] = {}
    for text in settings:
        name, equals, value = text.rpartition("=")
        if not equals or not name or not value:
            raise CommandError(f"{text!r} sets nothing: write for example math.threshold=0.7", Exit.USAGE)
        if name.startswith("vocabulary."):
            label = name.removeprefix("vocabulary.")
            by_region.setdefault(None, {}).setdefault("vocabulary", {})[label] = value
            continue
        region, number = _named(name, text)
        by_region.setdefault(region, {})[number] = _number(value)
    return [
        _checked({"region": region, "garden": garden or None, **given}) for region, given in by_region.items()
    ]


def changes_in(path: Path) -> list[RuleChange]:
    """The rule changes of a TOML file: one table `[[rules]]` each, with the fields of a RuleChange.

    Raises CommandError with what is wrong.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", Exit.USAGE) from None
    except ValueError as error:
        raise CommandError(f"{path} is no TOML: {error}", Exit.USAGE) from None
    tables = document.pop("rules", None)
    if document or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise CommandError(f"{path} must hold tables [[rules]] and nothing else", Exit.USAGE)
    for table in tables:
        unknown = [name for name in table if name not in _IN_FILES]
        if unknown:
            raise CommandError(f"{path}: {unknown[0]!r} is unknown: use {', '.join(_IN_FILES)}", Exit.USAGE)
    return [_checked(table) for table in tables]


def sweep_of(text: str) -> Sweep:
    """`[REGION.]NAME=FROM:TO:STEPS`. Raises CommandError with what to write."""
    name, _, bounds = text.partition("=")
    parts = bounds.split(":")
    try:
        low, high, steps = float(parts[0]), float(parts[1]), int(parts[2])
        if len(parts) != 3 or not 2 <= steps <= _MAX_STEPS:
            raise ValueError
    except (ValueError, IndexError):
        raise CommandError(
            f"{text!r} is no sweep: write for example threshold=0.4:1.6:13, that is FROM:TO:STEPS "
            f"with 2 to {_MAX_STEPS} steps",
            Exit.USAGE,
        ) from None
    region, number = _named(name, text)
    values = [low + (high - low) * step / (steps - 1) for step in range(steps)]
    whole = number in _WHOLE
    sweep = Sweep(
        region=region,
        name=number,
        values=tuple(round(value) if whole else round(value, 6) for value in values),
    )
    for value in sweep.values:
        sweep.change(value)
    return sweep


def _named(name: str, text: str) -> tuple[str | None, str]:
    region, _, number = name.rpartition(".")
    if number not in NUMBERS:
        raise CommandError(
            f"{number!r} in {text!r} is unknown: set one of {', '.join(NUMBERS)}, or vocabulary.LABEL=REGION",
            Exit.USAGE,
        )
    return region or None, number


def _number(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text  # the check says what it must be


def _checked(given: dict[str, Any]) -> RuleChange:
    try:
        return RuleChange.from_fields(given)
    except RefusedError as error:
        raise CommandError(error.reason, Exit.USAGE) from None
