"""The cell that senses the disks of its machine."""
