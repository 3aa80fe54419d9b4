"""Settings of the thalamus."""

from pydantic import Field

from shared.v1.settings import Settings


class ThalamusSettings(Settings):
    """What the thalamus may be told beyond what every process is."""

    tick_ms: int = Field(
        default=250, ge=50, le=60_000, description="a whole number of milliseconds from 50 to 60000"
    )
