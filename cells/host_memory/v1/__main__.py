"""Run this cell as a process: `python -m cells.host_memory.v1`."""

from cells.host_memory.v1.cell import HostMemoryCell
from shared.v1.manifest import beside
from shared.v1.runtime import main

if __name__ == "__main__":
    main(HostMemoryCell(beside(__file__)))
