"""Settings of the thalamus."""

from pydantic import Field

from shared.v1.settings import Settings

COLLECT_AFTER = (50_000, 20, 50)
"""Thresholds of Python's collector of cycles. A state has none, and to look for them among ten thousand gates
costs as much as folding."""


class ThalamusSettings(Settings):
    """What the thalamus may be told beyond what every process is."""

    tick_ms: int = Field(
        default=250, ge=50, le=60_000, description="a whole number of milliseconds from 50 to 60000"
    )
    snapshot_inputs: int = Field(
        default=20_000, ge=1, description="a whole number of inputs, 1 or more, after which a snapshot is kept"
    )
    snapshot_s: float = Field(
        default=60.0, gt=0, le=86_400, description="seconds after which a snapshot is kept"
    )
    lease_s: float = Field(
        default=1.0, ge=0.5, le=60, description="seconds from 0.5 to 60 of silence after which a standby leads"
    )
    lag_inputs: int = Field(
        default=10_000, ge=1, description="a whole number of waiting inputs beyond which it is not ready"
    )
