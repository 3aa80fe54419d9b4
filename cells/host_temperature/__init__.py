"""The cell that senses the heat of its machine."""
