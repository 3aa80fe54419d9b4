"""What a nervous system consists of: the units of this installation, found by their manifests."""

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from console.exits import CommandError, Exit
from shared.v1 import manifest
from shared.v1.subjects import GEMMA, NYX, THALAMUS, Address

_ROOT = Path(__file__).parents[1]


class Stage(IntEnum):
    """The order of stopping: who speaks first falls silent first, so that the rest can finish."""

    SENSING = 0  # cells and nerves
    CORRELATING = 1  # the thalamus
    RENDERING = 2  # Function Gemma
    THINKING = 3  # Young Nyx


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSpec:
    """A unit that can be run as a process."""

    name: str
    module: str
    address: Address
    stage: Stage


CORE = (
    UnitSpec(name="thalamus", module="thalamus", address=THALAMUS, stage=Stage.CORRELATING),
    UnitSpec(name="gemma", module="cognition.function_gemma", address=GEMMA, stage=Stage.RENDERING),
    UnitSpec(name="nyx", module="cognition.nyx", address=NYX, stage=Stage.THINKING),
)
"""What every nervous system has."""


def sensing(root: Path = _ROOT) -> tuple[UnitSpec, ...]:
    """The cells and nerves of this installation, each in its newest version, in order of name."""
    found: dict[str, UnitSpec] = {}
    for package in ("cells", "nerves"):
        for main in sorted((root / package).glob("*/v*/__main__.py"), key=_version):
            unit = manifest.beside(str(main))
            found[unit.name] = UnitSpec(
                name=unit.name,
                module=".".join(main.parent.relative_to(root).parts),
                address=unit.address,
                stage=Stage.SENSING,
            )
    return tuple(found[name] for name in sorted(found))


def chosen(names: tuple[str, ...] | None, root: Path = _ROOT) -> tuple[UnitSpec, ...]:
    """The core and the sensing units of these names, or all of them. Raises CommandError for an unknown one."""
    units = sensing(root)
    if names is None:
        return (*units, *CORE)
    unknown = set(names) - {unit.name for unit in units}
    if unknown:
        known = ", ".join(unit.name for unit in units)
        raise CommandError(f"there is no cell {', '.join(sorted(unknown))}: there are {known}", Exit.USAGE)
    return (*(unit for unit in units if unit.name in names), *CORE)


def _version(main: Path) -> tuple[str, int]:
    digits = main.parent.name.removeprefix("v")
    return main.parent.parent.name, int(digits) if digits.isdigit() else 0
