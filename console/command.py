"""Runs the body of a command: one event loop, one sentence and one exit code for whatever goes wrong."""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Coroutine
from typing import Any

from console.exits import CommandError, Exit
from shared.v1 import logs
from shared.v1.errors import NimmerverseError, RefusedError, TryAgainError, WrongPeerError


def run(work: Coroutine[Any, Any, Exit], *, log_level: str = "error") -> None:
    """Do the work and end this process with what came of it."""
    wanted = os.environ.get("NIMMERVERSE_LOG_LEVEL", "")
    level = wanted if wanted in ("debug", "info", "warning", "error") else log_level
    logs.configure(level, source="nimmerverse")
    raise SystemExit(_finish(work))


def say(text: str) -> None:
    """Talk to the person, on stderr: stdout is for data."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def write(text: str) -> None:
    """Print data."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _finish(work: Coroutine[Any, Any, Exit]) -> Exit:
    try:
        return asyncio.run(_until_terminated(work))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except asyncio.CancelledError:
        return Exit.TERMINATED
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except NimmerverseError as error:
        say(f"nimmerverse: {error}")
        return _code_of(error)
    except Exception as error:
        say(f"nimmerverse: unexpected: {error!r}")
        if os.environ.get("NIMMERVERSE_LOG_LEVEL") == "debug":
            traceback.print_exc()
        return Exit.DEFECT


async def _until_terminated(work: Coroutine[Any, Any, Exit]) -> Exit:
    """SIGTERM ends a command as Ctrl-C does: what was started is stopped."""
    task = asyncio.current_task()
    if task is not None and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


def _code_of(error: NimmerverseError) -> Exit:
    match error:
        case CommandError():
            return error.code
        case TryAgainError():
            return Exit.UNREACHABLE
        case RefusedError() | WrongPeerError():
            return Exit.REFUSED
        case _:
            return Exit.USAGE
