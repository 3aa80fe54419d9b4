"""What a check found: a name, a verdict, what was seen, and what to do about it."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How a check went."""

    OK = "ok"
    WARN = "warn"  # it works, or nothing runs that could be checked
    FAIL = "fail"  # it cannot work like this


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor. `advice` is empty if nothing is to be done."""

    name: str
    verdict: Verdict
    seen: str
    advice: str = ""

    def document(self) -> dict[str, Any]:
        """The finding as JSON."""
        return asdict(self)


def ok(name: str, seen: str) -> Finding:
    """All is well."""
    return Finding(name=name, verdict=Verdict.OK, seen=seen)


def warn(name: str, seen: str, advice: str) -> Finding:
    """Something to know."""
    return Finding(name=name, verdict=Verdict.WARN, seen=seen, advice=advice)


def fail(name: str, seen: str, advice: str) -> Finding:
    """Something to repair."""
    return Finding(name=name, verdict=Verdict.FAIL, seen=seen, advice=advice)
