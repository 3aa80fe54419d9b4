"""How commands print: data on stdout in colour where it may be, a progress line on stderr."""

import json
import os
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from console.command import say, write
from console.essence import colour_of, essence, printable

_WIDE = 160  # columns of a table that nobody sees on a terminal
_CLEAR_LINE = "\r\x1b[K"


class _DataConsole(Console):
    """A console that leaves it to the command what a closed pipe means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def stdout() -> Console:
    """Where data for people goes. Texts are no markup, for they come from strangers; rich respects NO_COLOR."""
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _WIDE
    return _DataConsole(markup=False, highlight=False, emoji=False, soft_wrap=True, width=width)


def write_json(document: Any) -> None:
    """Print one JSON document on one line, in ASCII: bodies of strangers may hold what no encoding takes."""
    write(json.dumps(document, allow_nan=False, separators=(",", ":")))


def message_line(subject: str, body: bytes) -> Text:
    """A message in one line: its subject in the colour of its domain, and what it says."""
    return Text.assemble((printable(subject), colour_of(subject)), f"  {essence(subject, body)}")


class ProgressLine:
    """What is being waited for: one line that changes on a terminal, else a line per change."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = ""

    def show(self, text: str) -> None:
        """Say what is awaited now."""
        if text == self._shown:
            return
        self._shown = text
        if self._live:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns
            sys.stderr.write(_CLEAR_LINE + text[: columns - 1])
            sys.stderr.flush()
        else:
            say(text)

    def clear(self) -> None:
        """Make room for data."""
        if self._live and self._shown:
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()
            self._shown = ""
