"""Run this cell as a process: `python -m cells.host_disk.v1`."""

from cells.host_disk.v1.cell import HostDiskCell
from shared.v1.manifest import beside
from shared.v1.runtime import main

if __name__ == "__main__":
    main(HostDiskCell(beside(__file__)))
