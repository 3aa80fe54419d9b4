"""Inputs of the fold, and stored messages, made by hand."""

import json
from datetime import datetime
from typing import Any

from shared.v1.bus import Stored
from shared.v1.messages import RuleChange
from tests.unit.thalamus.conftest import START_MS
from thalamus.fold import Input
from thalamus.replay import input_of


def stored(subject: str, body: bytes, *, seq: int = 1, at: int = 0) -> Stored:
    """A message of SENSES, `at` milliseconds after the start."""
    return Stored(subject=subject, body=body, stream="SENSES", seq=seq, at_ms=START_MS + at)


def stored_wave(
    cell: str, confidence: float, label: str = "math", *, seq: int = 1, at: int = 0, **fields: Any
) -> Stored:
    """A wave as a cell publishes it."""
    body = {"semantic": label, "confidence": confidence, **fields}
    return stored(f"dev.nervous.cells.{cell}.wave", json.dumps(body, default=_text).encode(), seq=seq, at=at)


def wave(
    cell: str, confidence: float, label: str = "math", *, seq: int = 1, at: int = 0, **fields: Any
) -> Input:
    """The same as the fold takes it."""
    return input_of(stored_wave(cell, confidence, label, seq=seq, at=at, **fields))


def rules(change: RuleChange, *, seq: int, at: int = 0) -> Input:
    """A rule change as the fold takes it."""
    return input_of(stored("dev.nervous.thalamus.rules", change.to_bytes(), seq=seq, at=at))


def _text(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()
