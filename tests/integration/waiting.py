"""Waiting for what happens, in tests that break things: for a log record, and for a server that comes back."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from console.embedded import EmbeddedNats


class _Bell(logging.Handler):
    """Rings when a record with a message is logged, from whichever thread."""

    def __init__(self, message: str) -> None:
        super().__init__(logging.DEBUG)
        self._message = message
        self._loop = asyncio.get_running_loop()
        self.rung = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self._message:
            self._loop.call_soon_threadsafe(self.rung.set)


@contextmanager
def logged(message: str, *, by: str) -> Iterator[asyncio.Event]:
    """An event that is set when the logger `by` says `message`."""
    logger, bell = logging.getLogger(by), _Bell(message)
    level = logger.level
    logger.addHandler(bell)
    logger.setLevel(logging.DEBUG)
    try:
        yield bell.rung
    finally:
        logger.removeHandler(bell)
        logger.setLevel(level)


async def crash(server: EmbeddedNats) -> None:
    """kill -9, and the process is gone."""
    server.kill()
    await server.wait()


async def crash_and_restart(server: EmbeddedNats) -> None:
    """kill -9, and the same port and data again."""
    await crash(server)
    await server.start()
