"""What every process shares. It imports nothing else of this project."""
