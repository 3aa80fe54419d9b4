"""Exit codes: what a shell learns from a command. They are shown by `nimmerverse --help`."""

from enum import IntEnum
from typing import Self

from shared.v1.errors import NimmerverseError


class Exit(IntEnum):
    """An exit code with its meaning."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "done"
    NOT_MET = 1, "the condition that was asked for is not met"
    USAGE = 2, "the command line or the configuration is wrong"
    UNREACHABLE = 3, "no server, stream or unit answers"
    REFUSED = 4, "the server or a unit refused"
    TIMED_OUT = 5, "what was awaited did not come in time"
    DEFECT = 70, "a defect of this program; NIMMERVERSE_LOG_LEVEL=debug shows where"
    INTERRUPTED = 130, "Ctrl-C"
    TERMINATED = 143, "SIGTERM"


class CommandError(NimmerverseError):
    """A command cannot go on. The text is for the person, `code` for the shell."""

    def __init__(self, reason: str, code: Exit) -> None:
        super().__init__(reason)
        self.code = code


def table() -> str:
    """The codes with their meanings, one per line, for `--help`."""
    return "\n".join(f"{code.value:4}  {code.meaning}" for code in Exit)
