"""Run this cell as a process: `python -m cells.battery_cell.v1`."""

from cells.battery_cell.v1.cell import BatteryCell
from shared.v1.manifest import beside
from shared.v1.runtime import main

if __name__ == "__main__":
    main(BatteryCell(beside(__file__)))
