"""A unit as a program: one Python process of ours with its log in a file."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from console.embedded import die_with_parent
from console.logfile import last_words, put_aside

_MAX_LOG = 10 * 1024 * 1024  # bytes after which a launch begins a new log


class UnitProgram:
    """`python -m MODULE`, launched as often as asked, one process at a time."""

    def __init__(self, module: str, environment: Mapping[str, str], log: Path) -> None:
        """`environment` is added to our own; the former log is kept as NAME.log.1."""
        self._argv = (sys.executable, "-P", "-m", module)  # -P: not the folder that the person stands in
        self._environment = environment
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        log.parent.mkdir(parents=True, exist_ok=True)
        put_aside(log, larger_than=0)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Launch it. Raises OSError if the machine cannot."""
        put_aside(self._log, larger_than=_MAX_LOG)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                env={**os.environ, **self._environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=sys.platform != "win32",  # Ctrl-C reaches only the supervisor
                preexec_fn=die_with_parent(),
            )

    async def wait(self) -> int:
        """Wait until it ends; return its exit code, negative for a signal."""
        return await self._process.wait() if self._process is not None else 0

    async def stop(self, within_s: float) -> None:
        """Ask it to drain, and end it by force after `within_s` seconds."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(within_s):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def last_words(self) -> str:
        """The last thing that its log says, in one line."""
        return last_words(self._log)
