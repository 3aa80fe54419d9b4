"""The smallest unit there can be, as a process: `python -m tests.integration.tiny_unit`."""

from collections.abc import Sequence

from pydantic import Field

from shared.v1.bus import Endpoint, Message
from shared.v1.manifest import Manifest
from shared.v1.runtime import Context, main
from shared.v1.settings import Settings
from shared.v1.states import UnitState


class TinySettings(Settings):
    """What the test tells it."""

    fails: bool = Field(default=False, description="true if its work shall fail")


class Tiny:
    """Answers in capitals, and says its last word when it has drained."""

    manifest = Manifest(name="tiny", version="1.2.3", kind="service", description="the smallest unit")
    settings_type = TinySettings

    def endpoints(self, context: Context) -> Sequence[Endpoint]:
        return [
            Endpoint(
                name="request",
                subject=context.address.subject(context.env, "request"),
                handler=self._answer,
                copy_to=context.address.subject(context.env, "response"),
            )
        ]

    async def _answer(self, message: Message) -> bytes:
        return message.body.upper()

    async def run(self, context: Context) -> None:
        settings = context.settings
        if isinstance(settings, TinySettings) and settings.fails:
            raise ValueError("told to fail")
        context.become(UnitState.READY)
        await context.draining.wait()
        await context.bus.publish(context.address.subject(context.env, "wave"), b'{"confidence": 0}')


if __name__ == "__main__":
    main(Tiny())
