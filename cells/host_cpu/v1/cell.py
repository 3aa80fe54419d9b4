"""How busy the processors of this machine are: share of busy time, and load average per core."""

from collections.abc import Callable, Mapping
from typing import Any

import psutil

from shared.v1.host_sensor import HostSensor, Probe, Reading
from shared.v1.manifest import Manifest


class HostCpuCell(HostSensor):
    """Senses processor load, once a second."""

    sense_every_s = 1.0

    def __init__(self, manifest: Manifest, find: Callable[[], Probe] | None = None) -> None:
        super().__init__(manifest, find or find_processors)


class BusyShare:
    """The share of processor time that was not idle since the last look, in percent of all cores."""

    def __init__(self, times: Callable[[], Any] = psutil.cpu_times) -> None:
        """`times` returns seconds since boot by kind of work, as `psutil.cpu_times` does."""
        self._times = times
        self._busy, self._total = _busy_and_total(times())

    def look(self) -> float | None:
        """0…100; None if no time has passed since the last look."""
        busy, total = _busy_and_total(self._times())
        passed, worked = total - self._total, busy - self._busy
        self._busy, self._total = busy, total
        # A kernel may take idle time back by a tick.
        return min(100.0, max(0.0, 100.0 * worked / passed)) if passed > 0 else None


def find_processors() -> Probe:
    """Every machine has processors."""
    share = BusyShare()
    cores = psutil.cpu_count() or 1

    def look() -> Mapping[str, float]:
        values = {"load": psutil.getloadavg()[0] / cores}
        busy = share.look()
        return values if busy is None else {**values, "busy": busy}

    return Probe(
        readings=(
            Reading(name="busy", semantic="cpu", unit="%", resolution=2.0),
            Reading(name="load", semantic="load", unit="per core", resolution=0.05),
        ),
        look=look,
    )


def _busy_and_total(times: Any) -> tuple[float, float]:
    # Linux counts the time of guests within user and nice, and waiting for disks beside idle.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    total = sum(times) - guests
    return total - times.idle - getattr(times, "iowait", 0.0), total
