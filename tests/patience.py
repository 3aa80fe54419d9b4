"""Calls that are repeated until the server, which a test may just have killed, takes them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.v1.errors import TryAgainError

T = TypeVar("T")


async def surely(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call that is safe to repeat until it goes through."""
    while True:
        try:
            return await call()
        except TryAgainError:
            await asyncio.sleep(0.05)
