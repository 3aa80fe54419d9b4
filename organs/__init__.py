"""Organs: workers with large models."""
