"""The cell that calculates."""
