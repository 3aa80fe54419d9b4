"""Logs of the processes that we run: one file each, one former file beside it."""

import contextlib
import json
from pathlib import Path

_TAIL = 8192  # bytes that are searched for the last line


def put_aside(log: Path, *, larger_than: int) -> None:
    """Keep a log of more bytes than that as NAME.log.1, so that a new one begins."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > larger_than:
            log.replace(log.with_suffix(".log.1"))


def last_words(log: Path) -> str:
    """The last thing that a log says, in one line; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return _told(lines[-1]) if lines else ""


def _told(line: str) -> str:
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict):
        return line
    return " ".join(str(record[key]) for key in ("message", "error", "reason") if record.get(key))
