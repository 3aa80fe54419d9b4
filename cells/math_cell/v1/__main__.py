"""Run this cell as a process: `python -m cells.math_cell.v1`."""

from cells.math_cell.v1.cell import MathCell
from shared.v1.manifest import beside
from shared.v1.runtime import main

if __name__ == "__main__":
    main(MathCell(beside(__file__)))
