"""Contexts of the `nats` command line: named addresses with credentials, kept as JSON files.

They are read, never written. What a context asks for and this project cannot do is refused by name
instead of being ignored.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from console.exits import CommandError, Exit
from shared.v1.settings import DEFAULT_NATS_URL

_UNDERSTOOD = frozenset({"url", "user", "password", "token", "creds"})
_HARMLESS = frozenset({"description", "color_scheme", "jetstream_event_prefix"})
_NOT_IN_A_URL = frozenset("/?#[], \t\n")  # nats-py takes user and password from the URL as they stand


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsContext:
    """Where a context points: `url` holds its user and password, `creds` is a path or empty."""

    name: str
    url: str
    creds: str


def named(name: str) -> NatsContext:
    """Read one context. Raises CommandError if it does not exist or asks for what we cannot do."""
    if not name or Path(name).name != name:
        raise CommandError(f"{name!r} is no name of a context: it must be a file name", Exit.USAGE)
    path = _folder() / "context" / f"{name}.json"
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = sorted(file.stem for file in path.parent.glob("*.json"))
        others = f"there are {', '.join(known)}" if known else "none exists: make one with `nats context add`"
        raise CommandError(
            f"there is no NATS context {name!r} in {path.parent}: {others}", Exit.USAGE
        ) from None
    except (OSError, ValueError) as error:
        raise CommandError(f"the NATS context {path} cannot be read: {error}", Exit.USAGE) from None
    if not isinstance(fields, dict):
        raise CommandError(f"the NATS context {path} is not a JSON object", Exit.USAGE)
    return _read(name, path, fields)


def selected() -> NatsContext | None:
    """The context that `nats context select` chose; None if none is chosen."""
    try:
        name = (_folder() / "context.txt").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return named(name) if name else None


def _folder() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "nats"


def _read(name: str, path: Path, fields: dict[str, Any]) -> NatsContext:
    beyond = sorted(key for key, value in fields.items() if value and key not in _UNDERSTOOD | _HARMLESS)
    if beyond:
        raise CommandError(
            f"the NATS context {path} sets {', '.join(beyond)}, which nimmerverse does not support: "
            f"it understands {', '.join(sorted(_UNDERSTOOD))}; use another context, or --nats-url",
            Exit.USAGE,
        )
    text = {key: str(fields.get(key) or "") for key in _UNDERSTOOD}
    login = text["token"]
    if text["user"]:
        login = f"{text['user']}:{text['password']}"
    if _NOT_IN_A_URL & set(login) or ":" in text["user"] + text["token"]:
        raise CommandError(
            f"the NATS context {path} has a user, password or token with a character of / ? # [ ] , : or a "
            "blank, which cannot be handed over in an address: use a credentials file (creds)",
            Exit.USAGE,
        )
    servers = [_with_login(server.strip(), login) for server in (text["url"] or DEFAULT_NATS_URL).split(",")]
    creds = str(Path(text["creds"]).expanduser()) if text["creds"] else ""
    return NatsContext(name=name, url=",".join(servers), creds=creds)


def _with_login(server: str, login: str) -> str:
    if "://" not in server:
        server = f"nats://{server}"
    parts = urlsplit(server)
    if not login or "@" in parts.netloc:
        return server
    return parts._replace(netloc=f"{login}@{parts.netloc}").geturl()
