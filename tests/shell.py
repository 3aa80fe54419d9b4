"""Our commands as a shell runs them: processes with an environment of their own."""

import asyncio
import json
import os
import signal
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(sysconfig.get_path("scripts")) / "nimmerverse"

_NOT_PASSED_ON = ("NIMMERVERSE_", "NATS_", "XDG_", "OLLAMA_", "COLUMNS", "FORCE_COLOR", "CLICOLOR")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended: its exit code, its data, its talk."""

    code: int
    out: str
    talk: str

    @property
    def document(self) -> Any:
        """The data as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell whose home is `home`, in which nothing of ours is set but `variables`."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a command is told."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
        return kept | {"HOME": str(self.home), "TMPDIR": str(self.home)} | self.variables

    async def start(self, *arguments: str, **variables: str) -> asyncio.subprocess.Process:
        """Start `nimmerverse` with arguments, and variables beside those of the shell."""
        return await asyncio.create_subprocess_exec(
            PROGRAM,
            *arguments,
            env=self.environment | variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=_hear_ctrl_c,
        )

    async def run(self, *arguments: str, within_s: float = 60.0, **variables: str) -> Finished:
        """Run `nimmerverse` to its end."""
        return await finish(await self.start(*arguments, **variables), within_s=within_s)


def _hear_ctrl_c() -> None:
    """As from a terminal: a run of the tests in the background hands on that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def finish(process: asyncio.subprocess.Process, *, within_s: float = 60.0) -> Finished:
    """Wait for the end of a command, which never shows a traceback."""
    try:
        async with asyncio.timeout(within_s):
            out, talk = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert b"Traceback" not in talk, talk.decode()
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), talk.decode())


async def said(process: asyncio.subprocess.Process, text: str) -> str:
    """Read the talk of a command until a line begins with `text`; return that line."""
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while line := (await process.stderr.readline()).decode():
            if line.startswith(text):
                return line
    raise AssertionError(f"the command ended without saying {text!r}")
