"""Nerves: units that compose cells into behaviour."""
