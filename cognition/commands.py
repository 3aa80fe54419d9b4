"""What cognition may command: verbs of installed manifests that say so, with arguments their schemas accept."""

import re
from collections.abc import Iterable, Mapping
from typing import Self

from shared.v1.manifest import Manifest, Verb
from shared.v1.messages import Command

OBSERVE = "observe"
"""The action that commands nothing. It is always offered."""


class Catalogue:
    """The newest version of every installed unit, by its address."""

    def __init__(self, units: Mapping[str, Manifest]) -> None:
        self._units = units

    @classmethod
    def of(cls, manifests: Iterable[Manifest]) -> Self:
        """From manifests in any order."""
        newest: dict[str, Manifest] = {}
        for unit in sorted(manifests, key=lambda unit: (unit.address.path, _release(unit.version))):
            newest[unit.address.path] = unit
        return cls(newest)

    def speaking_of(self, region: str) -> list[Manifest]:
        """Units whose manifest claims a region, in order of address."""
        return [unit for unit in self._units.values() if region in unit.regions]

    def fault(self, command: Command, garden: str) -> str | None:
        """Why a command may not be sent, as a sentence; None if it may."""
        unit = self._units.get(command.target)
        if unit is None:
            known = ", ".join(self._units) or "none"
            return f"no installed unit stands at {command.target!r}: there are {known}"
        verbs = commandable(unit, garden)
        if command.verb not in verbs:
            return (
                f"{command.target} has no verb {command.verb!r} that cognition may command in the garden "
                f"{garden}: it has {', '.join(verbs) or 'none'}"
            )
        fault = verbs[command.verb].fault(command.arguments)
        return f"{command.target} {command.verb}: {fault}" if fault else None


def commandable(unit: Manifest, garden: str) -> dict[str, Verb]:
    """The verbs that cognition may command. What moves real things moves nothing for an imagined reason."""
    if unit.kind == "motor" and garden != "real":
        return {}
    return {name: verb for name, verb in unit.verbs.items() if verb.command}


def sibling_id(kind: str, name: str) -> str:
    """The id of another link of the same chain: ("rq", "es:real/math/17") → "rq:real/math/17"."""
    known, _, rest = name.partition(":")
    return f"{kind}:{rest if len(known) == 2 else name}"[:256]


def _release(version: str) -> tuple[list[int], bool]:
    """What to sort versions by: numbers as numbers, a pre-release before its release."""
    numbers, _, pre = version.partition("-")
    return [int(number) for number in re.findall(r"\d+", numbers)], not pre
