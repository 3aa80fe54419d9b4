"""Waiting for a condition over state that others change, without looking at the clock."""

import asyncio
from collections.abc import AsyncIterator, Callable


class Changes:
    """Told of every change by `note`; any number of tasks may wait. No change is missed."""

    def __init__(self) -> None:
        self._revision = 0
        self._next = asyncio.Event()

    def note(self) -> None:
        """Something changed."""
        self._revision += 1
        self._next.set()
        self._next = asyncio.Event()

    async def each(self) -> AsyncIterator[None]:
        """Yields at once, and again whenever something has changed since the last time."""
        seen = -1
        while True:
            while seen == self._revision:
                await self._next.wait()
            seen = self._revision
            yield

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition()`."""
        while not condition():
            await self._next.wait()
