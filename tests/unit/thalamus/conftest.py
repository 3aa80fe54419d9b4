"""A thalamus in the hand: say things to a state, and see what it decides."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.v1.bus import Stored
from shared.v1.decode import decode
from shared.v1.messages import RuleChange, Tick, VerificationOutcome
from shared.v1.states import GateState
from thalamus.decisions import Decision
from thalamus.fold import Input, State, step

START_MS = 1_800_000_000_000
VOCABULARY = {"math": "math", "calculate": "math", "sum": "math", "load": "load"}


class Hand:
    """Publishes inputs at times that the test names, counted in milliseconds from `START_MS`."""

    def __init__(self) -> None:
        self.state = State()
        self.now = 0
        self.decided: list[Decision] = []
        self._seq = 0

    def _step(self, subject: str, body: bytes, at: int | None) -> list[Decision]:
        self.now = self.now if at is None else at
        self._seq += 1
        stored = Stored(subject=subject, body=body, stream="SENSES", seq=self._seq, at_ms=START_MS + self.now)
        parsed, decoded = decode(stored)
        made = step(self.state, Input(seq=self._seq, at_ms=stored.at_ms, subject=parsed, body=decoded))
        self.decided += made
        return made

    def wave(
        self, cell: str, confidence: float, label: str = "math", *, at: int | None = None, **fields: Any
    ) -> list[Decision]:
        """A wave of a cell; `observed` is in milliseconds from the start."""
        body: dict[str, Any] = {"semantic": label, "confidence": confidence, **fields}
        observed = body.pop("observed", None)
        if observed is not None:
            time = datetime.fromtimestamp(START_MS / 1000, UTC) + timedelta(milliseconds=observed)
            body["observed_at"] = time.isoformat()
        return self._step(f"dev.nervous.cells.{cell}.wave", json.dumps(body).encode(), at)

    def tick(self, at: int) -> list[Decision]:
        return self._step("dev.nervous.thalamus.tick", Tick().to_bytes(), at)

    def rules(self, *, at: int | None = None, **fields: Any) -> list[Decision]:
        return self._step("dev.nervous.thalamus.rules", RuleChange(**fields).to_bytes(), at)

    def outcome(self, outcome: str, region: str = "math", **fields: Any) -> list[Decision]:
        body = VerificationOutcome.from_fields({"outcome": outcome, **fields}).to_bytes()
        return self._step(f"dev.nervous.outcomes.{region}", body, None)

    def state_of(self, region: str = "math", garden: str = "real") -> GateState:
        gate = self.state.gate(garden, region)
        assert gate is not None
        return gate.state

    def weigh(self, weight: float, region: str = "math", garden: str = "real") -> None:
        """Give a gate a weight that outcomes would take long to earn."""
        gate = self.state.gate(garden, region)
        assert gate is not None
        gate.weight = weight


@pytest.fixture
def hand() -> Hand:
    made = Hand()
    made.rules(vocabulary=VOCABULARY)
    return made
