"""Run this cell as a process: `python -m cells.host_temperature.v1`."""

from cells.host_temperature.v1.cell import HostTemperatureCell
from shared.v1.manifest import beside
from shared.v1.runtime import main

if __name__ == "__main__":
    main(HostTemperatureCell(beside(__file__)))
