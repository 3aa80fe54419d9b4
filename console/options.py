"""What all commands may be told: where the nervous system is, and how to print.

Light on purpose: it is imported for `--help`, where every hundredth of a second is felt.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer


class Environment(StrEnum):
    """The environments that exist."""

    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"


class Output(StrEnum):
    """How data is printed."""

    TEXT = "text"  # for people
    JSON = "json"  # one document, or one line per message where messages stream


class Speed(StrEnum):
    """How fast the past is said again."""

    ONE = "1"  # as it was
    TEN = "10"
    MAX = "max"  # as fast as the server takes it

    @property
    def factor(self) -> float:
        """Times the recorded speed, 0 for no waiting at all."""
        return 0.0 if self is Speed.MAX else float(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which nervous system a command talks to, as it was said on the command line."""

    env: str = "dev"
    nats_url: str = ""
    context: str = ""


EnvOption = Annotated[
    Environment, typer.Option("--env", envvar="NIMMERVERSE_ENV", help="The environment to talk to.")
]
UrlOption = Annotated[
    str,
    typer.Option(
        "--nats-url",
        metavar="URL",
        help="The NATS server. Default: NATS_URL, else a context, else nats://127.0.0.1:4222.",
    ),
]
ContextOption = Annotated[
    str,
    typer.Option(
        "--context",
        metavar="NAME",
        help="A context of the nats CLI. Default: NATS_CONTEXT, else the selected one. NATS_URL goes first.",
    ),
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print.")]
