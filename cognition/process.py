"""What Function Gemma and Young Nyx have in common as processes."""

import zlib
from collections.abc import Callable
from datetime import UTC, datetime

from cognition.llama import Tell
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


async def reject(context: Context, *, about: str, reason: str, said: str = "", model: str = "") -> None:
    """Publish what was not accepted and why, on the unit's `.rejected`. The chain goes on without it."""
    rejection = Rejection(about=about, reason=reason[:4000], said=said[:4000], model=model[:256])
    name = f"rj:{about}/{zlib.crc32(reason.encode()):08x}"  # a repeat, after a crash, says the same
    subject = context.address.subject(context.env, "rejected")
    await context.surely(lambda: context.bus.append(subject, rejection.to_bytes(), message_id=name))
