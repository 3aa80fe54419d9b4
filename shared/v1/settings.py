"""Settings of a process, from the environment: `NIMMERVERSE_*`, and the names that others have coined.

Deployments differ in `NIMMERVERSE_ENV` and in addresses, in nothing else.
"""

import os
import re
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.v1.errors import RefusedError

DEFAULT_NATS_URL = "nats://127.0.0.1:4222"

_PREFIX = "NIMMERVERSE_"
_SCHEMES = ("nats", "tls", "ws", "wss")


class Settings(BaseSettings):
    """What every process may be told. Frozen: a process does not change its mind about where it is."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore", populate_by_name=True)

    env: Literal["dev", "staging", "prod"] = Field(default="dev", description="dev, staging or prod")
    nats_url: str = Field(
        default=DEFAULT_NATS_URL,
        validation_alias=AliasChoices("NIMMERVERSE_NATS_URL", "NATS_URL"),
        description="addresses of NATS servers with commas between them, for example nats://127.0.0.1:4222",
    )
    nats_creds: str = Field(
        default="",
        validation_alias=AliasChoices("NIMMERVERSE_NATS_CREDS", "NATS_CREDS"),
        description="path of a NATS credentials file",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )
    http_port: int = Field(
        default=0, ge=0, le=65535, description="a port up to 65535 for /livez, /readyz and /metrics; 0 is none"
    )
    http_host: str = Field(default="127.0.0.1", description="the address that the port listens on")
    heartbeat_s: float = Field(
        default=5.0, gt=0, le=300, description="seconds between heartbeats: more than 0, at most 300"
    )
    drain_s: float = Field(
        default=5.0, gt=0, le=60, description="seconds to finish after SIGTERM: more than 0, at most 60"
    )
    instance: str = Field(
        default="", pattern=r"^[a-z0-9_-]{0,64}$", description="a name of a-z, 0-9, _ and - for this replica"
    )

    @field_validator("nats_url")
    @classmethod
    def _are_addresses(cls, urls: str) -> str:
        for url in urls.split(","):
            parts = urlsplit(url.strip() if "://" in url else f"nats://{url.strip()}")
            if (
                parts.scheme not in _SCHEMES or not parts.hostname or parts.port == 0
            ):  # `port` raises ValueError
                raise ValueError("not an address of a NATS server")
        return urls


S = TypeVar("S", bound=Settings)


def redacted(urls: str) -> str:
    """Addresses as they may be shown: without the users and passwords in them."""
    return re.sub(r"//[^/\s,]*@", "//***@", urls)


def load(kind: type[S]) -> S:
    """Read settings from the environment. Raises RefusedError with the variable to correct."""
    try:
        return kind()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, field = _field_of(kind, str(first["loc"][0]))
        must = field.description or first["msg"]
        raise RefusedError(f"{name} is {redacted(repr(first['input']))}: it must be {must}") from None


def _field_of(kind: type[Settings], wrong: str) -> tuple[str, FieldInfo]:
    """The variable that was set wrong, and its field; `wrong` is the field's name or one of its aliases."""
    for name, field in kind.model_fields.items():
        aliases = field.validation_alias
        variables = (
            [str(alias) for alias in aliases.choices]
            if isinstance(aliases, AliasChoices)
            else [f"{_PREFIX}{name.upper()}"]
        )
        if wrong == name or wrong in variables:
            return next((variable for variable in variables if variable in os.environ), variables[0]), field
    raise LookupError(f"{kind.__name__} has no field {wrong}")
