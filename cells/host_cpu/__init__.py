"""The cell that senses the processors of its machine."""
