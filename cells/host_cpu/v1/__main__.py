"""Run this cell as a process: `python -m cells.host_cpu.v1`."""

from cells.host_cpu.v1.cell import HostCpuCell
from shared.v1.manifest import beside
from shared.v1.runtime import main

if __name__ == "__main__":
    main(HostCpuCell(beside(__file__)))
