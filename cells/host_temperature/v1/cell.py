"""How hot this machine is: the current value of every temperature sensor that it has."""

from collections.abc import Callable, Mapping
from typing import Any

import psutil

from shared.v1.host_sensor import HostSensor, Probe, Reading
from shared.v1.manifest import Manifest


class HostTemperatureCell(HostSensor):
    """Senses temperatures, every two seconds; idle on a machine that shows none."""

    sense_every_s = 2.0

    def __init__(self, manifest: Manifest, find: Callable[[], Probe] | None = None) -> None:
        super().__init__(manifest, find or find_thermometers)


def sensors() -> Mapping[str, Any]:
    """What psutil finds, by chip; nothing on macOS and Windows, where psutil has no such function."""
    found: Mapping[str, Any] = getattr(psutil, "sensors_temperatures", dict)()
    return found


def find_thermometers(ask: Callable[[], Mapping[str, Any]] = sensors) -> Probe:
    """The sensors of this machine. `ask` answers as `psutil.sensors_temperatures` does."""

    def look() -> Mapping[str, float]:
        return {
            # The number too: machines with two processors have each "Core 0" twice.
            f"{chip}.{number} {sensor.label}".strip(): sensor.current
            for chip, found in ask().items()
            for number, sensor in enumerate(found)
        }

    return Probe(
        readings=[
            Reading(name=name, semantic="temperature", unit="°C", resolution=0.5) for name in sorted(look())
        ],
        look=look,
        missing="this machine shows no temperature sensor",
    )
