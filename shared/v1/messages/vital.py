"""What processes say of themselves, and what became of what they refused."""

from typing import Annotated, Literal

from pydantic import Field

from shared.v1.messages.base import Amount, Moment, Number, Text, Wire
from shared.v1.states import UnitState


class Heartbeat(Wire):
    """A process lives: who it is and what it does. An observer needs no query beside it."""

    source: Text = Field(description="UNIT/VERSION/INSTANCE")
    address: Text = Field(description="where it stands: nervous.cells.math")
    version: Text = Field(description="the unit's semantic version")
    state: UnitState = Field(description="starting, ready, idle, lagging, draining or failed")
    detail: Annotated[str, Field(max_length=500)] = Field(default="", description="a sentence about the state")
    at: Moment = Field(description="when it was said")
    interval_s: Amount = Field(description="seconds until the next one")
    uptime_s: Amount = Field(description="seconds since the start")
    pid: int = Field(description="process id on its host")
    host: Text = Field(description="name of the host")
    errors: int = Field(default=0, ge=0, description="errors since the start")
    last_wave_at: Moment | None = Field(default=None, description="when it last emitted a wave")
    load: dict[str, Number] = Field(default_factory=dict, description="figures: cpu_percent, rss_bytes …")


class DeadLetter(Wire):
    """What was refused: where it came from, its bytes, and one sentence that says what to change."""

    id: Text = Field(description="stream and sequence: SENSES:17")
    subject: Annotated[str, Field(max_length=4096)] = Field(description="the original subject")
    reason: Annotated[str, Field(max_length=2000)] = Field(description="what to change")
    stream: Text = Field(description="the stream that holds the original")
    sequence: int = Field(ge=1, description="its position there")
    refused_by: Text = Field(description="UNIT/VERSION/INSTANCE")
    size: int = Field(ge=0, description="bytes of the original")
    sha256: Text = Field(description="hash of the original bytes")
    encoding: Literal["utf-8", "base64", "zlib+base64"] = Field(description="how `body` holds the bytes")
    body: str = Field(description="the original bytes, encoded")
    truncated: bool = Field(
        default=False, description="true if no encoding fitted; the original is in the stream"
    )
    headers: dict[str, str] = Field(default_factory=dict, description="the original headers")
