"""The parent of the model child: it starts it, asks it, ends it when it is late, and starts it again.

Nothing that the child does is trusted: a crash, a hang or garbage costs one answer and a restart whose
pause doubles, and until then every question is told that the model is absent.
"""

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from cognition.model import ModelAbsentError, ModelError
from shared.v1.manifest import JsonSchema

log = logging.getLogger(__name__)

Tell = Callable[[str], None]
"""Called with a new `detail` whenever it changes."""

_LOAD_S = 120.0
_END_S = 2.0
_MAX_LINE = 1024 * 1024
_FIRST_PAUSE_S = 0.5
_MAX_PAUSE_S = 60.0
_STEADY_S = 60.0  # who lived this long has earned a quick restart


class LlamaState(StrEnum):
    """State of the model child."""

    LOADING = "loading"  # started, reading its weights
    READY = "ready"  # answers
    DOWN = "down"  # ended; starts again after a pause
    REFUSED = "refused"  # it said why it cannot load; starting again is useless


class _Line(BaseModel):
    """What the child may say."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: int = 0
    ready: bool = False
    text: str | None = None
    error: str = ""


class Llama:
    """A GGUF file under llama.cpp in a child process. Entering it waits until it is loaded, or cannot be."""

    def __init__(
        self,
        weights: Path,
        *,
        threads: int,
        tell: Tell = lambda detail: None,
        command: Sequence[str] = (sys.executable, "-m", "cognition.llama_child"),
    ) -> None:
        """`command` is the program that takes the weights and the threads as its last arguments."""
        self.name = weights.stem
        self.state = LlamaState.LOADING
        self.detail = f"{self.name} is loading"
        self._program = (*command, str(weights), str(threads))
        self._tell = tell
        self._process: asyncio.subprocess.Process | None = None  # set while it answers
        self._given_up: asyncio.Future[str] | None = None  # of this child; set to why it shall end
        self._asked = 0
        self._one_at_a_time = asyncio.Lock()
        self._settled = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the child while it answers."""
        return self._process.pid if self._process is not None else None

    async def __aenter__(self) -> Self:
        self._keeping = asyncio.create_task(self._keep(), name=f"llama {self.name}")
        try:
            await self._settled.wait()
        except asyncio.CancelledError:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    async def complete(self, prompt: str, schema: JsonSchema, *, timeout_s: float) -> str:
        """Go on after `prompt` under `schema`. Whoever does not answer in time is ended.

        Raises ModelAbsentError while there is no child that answers, ModelError if it was late or wrong.
        """
        async with self._one_at_a_time:
            process = self._process
            if process is None:
                raise ModelAbsentError(self.detail)
            try:
                async with asyncio.timeout(timeout_s):
                    line = await self._ask(process, prompt, schema)
            except TimeoutError:
                self._give_up(late := f"did not answer within {timeout_s:g} s")
                raise ModelError(f"{self.name} {late}") from None
            except ModelError as error:
                self._give_up(f"was of no use ({error.reason})")
                raise
            except BaseException:
                self._give_up("was not waited for")  # what it would still say belongs to nobody
                raise
        if line.text is None:
            raise ModelError(f"{self.name} failed: {line.error}")
        return line.text

    async def _ask(self, process: asyncio.subprocess.Process, prompt: str, schema: JsonSchema) -> _Line:
        self._asked += 1
        question = {"id": self._asked, "prompt": prompt, "schema": schema}
        with contextlib.suppress(ConnectionError):  # its end is seen when we read
            _stdin(process).write(json.dumps(question).encode() + b"\n")
            await _stdin(process).drain()
        line = await _read(process)
        if line.id != self._asked:
            raise ModelError(f"{self.name} answered question {line.id} instead of {self._asked}")
        return line

    def _give_up(self, why: str) -> None:
        """Have this child ended. Nobody asks it any more."""
        self._process = None
        if self._given_up is not None and not self._given_up.done():
            self._given_up.set_result(why)

    async def _keep(self) -> None:
        """Keep one child alive until this task is cancelled, or the child refuses for good."""
        pause_s = _FIRST_PAUSE_S
        try:
            while True:
                started = time.monotonic()
                why = await self._live_once()
                if self.state is LlamaState.REFUSED:
                    return
                if time.monotonic() - started > _STEADY_S:
                    pause_s = _FIRST_PAUSE_S
                self._become(
                    LlamaState.DOWN, f"no model weighs: {self.name} {why}, it starts again in {pause_s:g} s"
                )
                self._settled.set()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _MAX_PAUSE_S)
        finally:
            self._settled.set()

    async def _live_once(self) -> str:
        """One life of the child. Returns how it ended."""
        self._become(LlamaState.LOADING, f"{self.name} is loading")
        try:
            process = await self._start()
        except OSError as error:
            return f"could not be started ({error})"
        try:
            async with asyncio.timeout(_LOAD_S):
                line = await _read(process)
            if not line.ready:
                self._become(LlamaState.REFUSED, f"no model weighs: {self._program[-2]}: {line.error}")
                return line.error
            self._process = process
            self._given_up = asyncio.get_running_loop().create_future()
            self._become(LlamaState.READY, f"{self.name} weighs")
            self._settled.set()
            return await _end_of(process, self._given_up)
        except TimeoutError:
            return f"did not load within {_LOAD_S:g} s"
        except ModelError as error:
            return error.reason
        finally:
            self._process = None
            await self._bury(process)

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_MAX_LINE,
            start_new_session=sys.platform != "win32",  # Ctrl-C is for us; it ends with its stdin
        )

    async def _bury(self, process: asyncio.subprocess.Process) -> None:
        """End it, by force where it does not end by itself, and read its pipes to their end."""
        _stdin(process).close()
        try:
            async with asyncio.timeout(_END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
        async with self._one_at_a_time:  # whoever still reads from it sees its end first
            await process.communicate()

    def _become(self, state: LlamaState, detail: str) -> None:
        self.state, self.detail = state, detail
        log.info("model child", extra={"action": "llama", "state": state.value, "detail": detail})
        self._tell(detail)


async def _end_of(process: asyncio.subprocess.Process, given_up: asyncio.Future[str]) -> str:
    """Wait until a child has ended or is given up; return which."""
    ended = asyncio.create_task(process.wait())
    both: set[asyncio.Future[Any]] = {ended, given_up}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()
    return given_up.result() if given_up.done() else f"ended with code {ended.result()}"


def _stdin(process: asyncio.subprocess.Process) -> asyncio.StreamWriter:
    if process.stdin is None:
        raise ModelError("the model child has no stdin")
    return process.stdin


async def _read(process: asyncio.subprocess.Process) -> _Line:
    """The next line of the child. Raises ModelError if it is none, or garbage."""
    if process.stdout is None:
        raise ModelError("the model child has no stdout")
    try:
        raw = await process.stdout.readline()
    except ValueError:
        raise ModelError(f"the model child said more than {_MAX_LINE} bytes in one line") from None
    if not raw.endswith(b"\n"):
        raise ModelError("the model child ended in the middle", said=_shown(raw))
    try:
        return _Line.model_validate_json(raw)
    except ValidationError:
        raise ModelError("the model child said something that is no answer", said=_shown(raw)) from None


def _shown(raw: bytes) -> str:
    return raw[:1000].decode(errors="replace")
