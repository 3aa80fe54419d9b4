"""How full the memory of this machine is: share of memory in use, and of swap where there is any."""

from collections.abc import Callable, Mapping

import psutil

from shared.v1.host_sensor import HostSensor, Probe, Reading
from shared.v1.manifest import Manifest

_USED = Reading(name="used", semantic="memory", unit="%", resolution=0.5)
_SWAP = Reading(name="swap", semantic="swap", unit="%", resolution=0.5)


class HostMemoryCell(HostSensor):
    """Senses memory in use, once a second."""

    sense_every_s = 1.0

    def __init__(self, manifest: Manifest, find: Callable[[], Probe] | None = None) -> None:
        super().__init__(manifest, find or find_memory)


def find_memory() -> Probe:
    """Every machine has memory; swap may be off."""
    has_swap = psutil.swap_memory().total > 0

    def look() -> Mapping[str, float]:
        values = {"used": psutil.virtual_memory().percent}
        return {**values, "swap": psutil.swap_memory().percent} if has_swap else values

    return Probe(readings=(_USED, _SWAP) if has_swap else (_USED,), look=look)
