"""The cell that senses the battery of its machine."""
