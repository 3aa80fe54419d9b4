"""Cells: each senses or answers one thing, and says how sure it is."""
