"""The rule by which one gate moves, held against a second, naive writing of the same formulas."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.v1.states import Cause, GateState
from tests.unit.thalamus.conftest import Hand
from thalamus.gate import Gate, corroborate
from thalamus.ring import CAPACITY, Heard, Ring
from thalamus.rules import GateRules
from thalamus.tables import evidence


def heard(seq: int, at_ms: int, confidence: float, valence: float = 1.0, witness: int = 0) -> Heard:
    return Heard(
        seq=seq,
        at_ms=at_ms,
        witness=witness,
        confidence=confidence,
        valence=valence,
        evidence=evidence(confidence, valence),
        cost=0.0,
        semantic="math",
        id=str(seq),
        source="cell",
    )


@dataclass
class Naive:
    """The gate rule written down once more, with libm and dictionaries."""

    tau: float = 1500.0
    slow: float = 40 * 1500.0
    used_to: float = 2.0
    average: dict[str, float] = field(default_factory=dict)
    habit: dict[str, float] = field(default_factory=dict)
    time: dict[str, int] = field(default_factory=dict)

    def hear(self, cell: str, at: int, confidence: float, valence: float) -> None:
        said = min(8.0, max(-1.0, valence * 2 * math.atanh(min(confidence, 0.99995))))
        kept = math.exp(-(at - self.time[cell]) / self.tau) if cell in self.time else 0.0
        self.habit[cell] = self.usual(cell, at) if cell in self.time else 0.0
        self.average[cell] = kept * self.average.get(cell, 0.0) + (1 - kept) * said
        self.time[cell] = at

    def usual(self, cell: str, at: int) -> float:
        """The slow average, by summing up dB/dt = (E·exp(−t/τ) − B)/τ_slow in closed form."""
        gap = at - self.time[cell]
        slow, fast = math.exp(-gap / self.slow), math.exp(-gap / self.tau)
        charged = self.average[cell] * self.tau / (self.slow - self.tau) * (slow - fast)
        return self.habit[cell] * slow + charged

    def total(self, at: int) -> float:
        says = []
        for cell in self.average:
            now = self.average[cell] * math.exp(-(at - self.time[cell]) / self.tau)
            usual = self.used_to * self.usual(cell, at)
            says.append(max(0.0, now - max(0.0, usual)) if now > 0 else min(0.0, now - min(0.0, usual)))
        asserted = sum(x for x in says if x > 0)
        return sum(x * (asserted - x) / (1 + asserted - x) if x > 0 else x for x in says)


WAVES = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.integers(0, 4000),
        st.integers(0, 10_000).map(lambda q: q / 10_000),
        st.sampled_from([-1.0, -0.5, 0.5, 1.0]),
    ),
    min_size=1,
    max_size=40,
)


@given(WAVES)
def test_the_sum_is_that_of_the_formulas(waves: list[tuple[str, int, float, float]]) -> None:
    gate, naive, now = Gate("math", "real", GateRules()), Naive(), 1_000
    for seq, (cell, gap, confidence, valence) in enumerate(waves, start=1):
        now += gap
        index = gate.witnesses.get(cell, len(gate.witnesses))
        gate.hear(cell, heard(seq, now, confidence, valence, index))
        naive.hear(cell, now, confidence, valence)
        assert gate.read(now + 100).total == pytest.approx(naive.total(now + 100), rel=1e-6, abs=1e-6)


@given(st.lists(st.floats(-1, 8), max_size=12))
def test_contributions_sum_up_and_support_never_weakens(says: list[float]) -> None:
    contributions, total = corroborate(says)
    assert total == pytest.approx(sum(contributions))
    _, supported = corroborate([*says, 1.0])
    assert supported >= total - 1e-12


def test_one_witness_alone_has_a_sum_of_zero() -> None:
    assert corroborate([8.0]) == ([0.0], 0.0)


@given(st.lists(st.tuples(st.integers(0, 3000), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=60))
def test_a_single_cell_never_opens_a_gate_however_often_it_shouts(
    waves: list[tuple[int, float, float]],
) -> None:
    hand, now = Hand(), 0
    for gap, confidence, valence in waves:
        now += gap
        hand.wave("math", confidence, valence=valence, at=now)
    assert hand.state_of() is GateState.STABLE
    assert hand.decided == []


@pytest.mark.parametrize(("confidence", "opens"), [(0.462, False), (0.463, True)])
def test_two_witnesses_open_from_0_463_each(confidence: float, opens: bool) -> None:
    hand = Hand()
    hand.wave("a", confidence)
    hand.wave("b", confidence)
    assert (hand.state_of() is GateState.OPEN) is opens


@pytest.mark.parametrize(("confidence", "opens"), [(0.294, False), (0.295, True)])
def test_three_witnesses_open_from_0_295_each(confidence: float, opens: bool) -> None:
    hand = Hand()
    for cell in "abc":
        hand.wave(cell, confidence)
    assert (hand.state_of() is GateState.OPEN) is opens


def test_two_deniers_close_a_gate_and_it_recovers() -> None:
    hand = Hand()
    hand.wave("a", 0.9, valence=-1.0, at=0)
    assert hand.state_of() is GateState.STABLE
    hand.wave("b", 0.9, valence=-1.0, at=10)
    assert hand.state_of() is GateState.CLOSED
    assert hand.decided[-1].body.cause is Cause.CONTRADICTION
    hand.tick(at=5_000)
    assert hand.state_of() is GateState.STABLE


def test_one_denier_cannot_close_a_gate_however_trusted() -> None:
    hand = Hand()
    hand.wave("a", 0.9, valence=-1.0, at=0)
    gate = hand.state.gate("real", "math")
    assert gate is not None
    gate.set_trust(0, 2.0)
    hand.wave("a", 0.95, valence=-1.0, at=4000)
    assert hand.state_of() is GateState.STABLE


def test_an_older_wave_of_the_same_witness_changes_nothing() -> None:
    gate = Gate("math", "real", GateRules())
    assert gate.hear("a", heard(1, 1_000, 0.6))
    before = gate.read(2_000)
    assert not gate.hear("a", heard(2, 900, 0.9))
    assert gate.read(2_000) == before


def test_the_ring_keeps_the_newest_waves_in_order() -> None:
    ring = Ring()
    for seq in range(1, CAPACITY + 11):
        ring.push(heard(seq, seq, 0.5), 1.0)
    assert [kept.seq for kept in ring] == list(range(11, CAPACITY + 11))
    assert [kept.seq for kept in ring.newer_than(CAPACITY + 8)] == [CAPACITY + 9, CAPACITY + 10]
