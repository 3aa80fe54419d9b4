"""The exact pins in pyproject.toml: `pin.py clear`, or `set` and `check` with requirements on the input."""

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
BEGIN, END = "constraint-dependencies = [\n", "]\n"


def pins_of(requirements: str) -> list[str]:
    """`name==version` of every line. Markers stay only where a package has several versions."""
    versions: dict[str, set[tuple[str, str]]] = {}
    for line in requirements.splitlines():
        if "==" in line.split(";")[0]:
            pin, _, marker = (part.strip() for part in line.partition(";"))
            versions.setdefault(pin.split("==")[0], set()).add((pin, marker.replace('"', "'")))
    return sorted(
        f"{pin} ; {marker}" if len(found) > 1 else pin for found in versions.values() for pin, marker in found
    )


def main() -> None:
    command = sys.argv[1]
    pins = [] if command == "clear" else pins_of(sys.stdin.read())
    text = PROJECT.read_text(encoding="utf-8")
    listed = "".join(f'    "{pin}",\n' for pin in pins)
    pattern = re.compile(re.escape(BEGIN) + r"(?:    .*\n)*" + re.escape(END))
    new, count = pattern.subn(lambda _: BEGIN + listed + END, text)
    if count != 1:
        sys.exit("pyproject.toml has no constraint-dependencies to write to")
    if command != "check":
        PROJECT.write_text(new, encoding="utf-8")
    elif new != text:
        missing = ", ".join(pin for pin in pins if f'"{pin}"' not in text)
        sys.exit(
            f"the pins in pyproject.toml are not what is installed ({missing or 'too many'}): run .ci/lock"
        )


main()
