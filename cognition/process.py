"""What Function Gemma and Young Nyx have in common as processes."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from cognition.llama import Tell
from cognition.model import Model
from cognition.settings import CognitionSettings
from shared.v1.messages import Rejection
from shared.v1.runtime import Context
from shared.v1.states import UnitState

Clock = Callable[[], datetime]
"""The time now, with its zone."""


def utc_now() -> datetime:
    """The clock of a process."""
    return datetime.now(UTC)


def settings_of(context: Context) -> CognitionSettings:
    """The settings with which a unit of cognition was started."""
    if not isinstance(context.settings, CognitionSettings):
        raise TypeError(
            f"{context.address.path} needs CognitionSettings, not {type(context.settings).__name__}"
        )
    return context.settings


def heartbeat_of(context: Context) -> Tell:
    """Say in heartbeats what becomes of the model once the process works, and until it drains."""

    def tell(detail: str) -> None:
        if context.state is UnitState.READY:
            context.become(UnitState.READY, detail)

    return tell


@asynccontextmanager
async def loaded(context: Context, opening: Awaitable[Model]) -> AsyncIterator[Model | None]:
    """The model, as soon as it is loaded or known absent; None if the process drains before."""
    context.become(UnitState.STARTING, "loading the model")
    async with AsyncExitStack() as stack:
        entering = asyncio.create_task(stack.enter_async_context(await opening))
        draining = asyncio.create_task(context.draining.wait())
        await asyncio.wait({entering, draining}, return_when=asyncio.FIRST_COMPLETED)
        draining.cancel()
        if entering.done():
            model = entering.result()
            context.become(UnitState.READY, model.detail)
            yield model
        else:
            entering.cancel()
            await asyncio.gather(entering, return_exceptions=True)
            yield None


async def reject(context: Context, *, about: str, reason: str, said: str = "", model: str = "") -> None:
    """Publish what was not accepted and why, on the unit's `.rejected`. The chain goes on without it."""
    rejection = Rejection(about=about, reason=reason[:4000], said=said[:4000], model=model[:256])
    name = f"rj:{about}/{zlib.crc32(reason.encode()):08x}"  # a repeat, after a crash, says the same
    subject = context.address.subject(context.env, "rejected")
    await context.surely(lambda: context.bus.append(subject, rejection.to_bytes(), message_id=name))
