"""The cell that senses the memory of its machine."""
