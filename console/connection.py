"""From what was said on the command line to a connection: which server, with whose credentials.

The order: --nats-url, NATS_URL, --context, NATS_CONTEXT, the context that the nats CLI has selected, and
at last nats://127.0.0.1:4222, where `nimmerverse up` listens.
"""

import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from console import contexts
from console.exits import CommandError, Exit
from console.options import Where
from shared.v1.bus_nats import NatsBus, connected
from shared.v1.errors import RefusedError
from shared.v1.settings import Settings, load

_URL_VARIABLES = ("NIMMERVERSE_NATS_URL", "NATS_URL")


def settings_of(where: Where) -> Settings:
    """Settings with the address that `where` and the environment lead to. Raises CommandError."""
    settings = told_settings(where)
    if settings is not None:
        return settings
    return _settings(where, contexts.selected())


def told_settings(where: Where) -> Settings | None:
    """The same without what nobody said just now: None if neither an address nor a context was named."""
    if where.nats_url:
        return _settings(where, None).model_copy(update={"nats_url": where.nats_url})
    if any(os.environ.get(name) for name in _URL_VARIABLES):
        return _settings(where, None)
    name = where.context or os.environ.get("NATS_CONTEXT", "")
    return _settings(where, contexts.named(name)) if name else None


def open_bus(where: Where, purpose: str) -> AbstractAsyncContextManager[NatsBus]:
    """A connection for the length of a command. Entering raises TryAgainError if no server answers."""
    return connected(settings_of(where), name=f"nimmerverse {purpose}")


def _settings(where: Where, context: contexts.NatsContext | None) -> Settings:
    try:
        settings = load(Settings)
    except RefusedError as error:
        raise CommandError(error.reason, Exit.USAGE) from None
    changes = {"env": where.env}
    if context is not None:
        changes |= {"nats_url": context.url, "nats_creds": context.creds or settings.nats_creds}
    settings = settings.model_copy(update=changes)
    if settings.nats_creds and not Path(settings.nats_creds).is_file():
        raise CommandError(f"the credentials file {settings.nats_creds} does not exist", Exit.USAGE)
    return settings
