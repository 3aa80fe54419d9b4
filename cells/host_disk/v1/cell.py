"""How busy and how full the disks of this machine are: bytes and busy time per second, share in use."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from shared.v1.host_sensor import HostSensor, Probe, Reading
from shared.v1.manifest import Manifest

_MIB = 1024 * 1024

_USED = Reading(name="used", semantic="storage", unit="%", resolution=0.1)
_BYTES = Reading(name="bytes", semantic="io", unit="MiB/s", resolution=1.0)
_BUSY = Reading(name="busy", semantic="io", unit="% of one disk", resolution=2.0)


class HostDiskCell(HostSensor):
    """Senses disk traffic and space, every two seconds."""

    sense_every_s = 2.0

    def __init__(self, manifest: Manifest, find: Callable[[], Probe] | None = None) -> None:
        super().__init__(manifest, find or find_disks)


class Rate:
    """How fast a counter grows, per second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds."""
        self._clock = clock
        self._last: tuple[float, float] | None = None

    def of(self, count: float) -> float | None:
        """Growth per second since the last call; None at the first, and after the counter was reset."""
        now, last = self._clock(), self._last
        self._last = (now, count)
        if last is None or now <= last[0] or count < last[1]:
            return None
        return (count - last[1]) / (now - last[0])


def find_disks() -> Probe:
    """The file system that this process stands on; traffic and busy time where the kernel counts them."""
    root = Path.cwd().anchor
    readings = [_USED]
    counters = psutil.disk_io_counters()
    if counters is not None:
        readings.append(_BYTES)
    if hasattr(counters, "busy_time"):
        readings.append(_BUSY)
    bytes_rate, busy_rate = Rate(), Rate()

    def look() -> Mapping[str, float]:
        values: dict[str, float | None] = {"used": psutil.disk_usage(root).percent}
        counted = psutil.disk_io_counters()
        if counted is not None:
            values["bytes"] = bytes_rate.of((counted.read_bytes + counted.write_bytes) / _MIB)
            # Milliseconds of busy time, summed over all disks; a tenth of ms/s is percent.
            values["busy"] = busy_rate.of(getattr(counted, "busy_time", 0) / 10)
        return {name: value for name, value in values.items() if value is not None}

    return Probe(readings=readings, look=look)
