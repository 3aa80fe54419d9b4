"""Settings of a process, from the environment: `NIMMERVERSE_*`, and the names that others have coined.

Deployments differ in `NIMMERVERSE_ENV` and in addresses, in nothing else.
"""

import re
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.v1.errors import RefusedError

DEFAULT_NATS_URL = "nats://127.0.0.1:4222"

_SCHEMES = ("nats", "tls", "ws", "wss")


class Settings(BaseSettings):
    """What every process may be told. Frozen: a process does not change its mind about where it is."""

    model_config = SettingsConfigDict(
        env_prefix="NIMMERVERSE_", frozen=True, extra="ignore", populate_by_name=True
    )

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
        default=0, ge=0, le=65535, description="a port for /livez, /readyz and /metrics; 0 is none"
    )
    http_host: str = Field(default="127.0.0.1", description="the address that the port listens on")
    heartbeat_s: float = Field(default=5.0, gt=0, le=300, description="seconds between heartbeats")
    drain_s: float = Field(default=5.0, gt=0, le=60, description="seconds to finish after SIGTERM")
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
        name = str(first["loc"][0])
        variable = name if name.isupper() else f"NIMMERVERSE_{name.upper()}"
        field = kind.model_fields.get(name.lower().removeprefix("nimmerverse_"))
        must = field.description if field is not None and field.description else first["msg"]
        raise RefusedError(f"{variable} is {redacted(repr(first['input']))}: it must be {must}") from None
