"""The tables agree with the functions they stand for, and are the same on every machine."""

import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalamus.tables import MAX_EVIDENCE, decay, evidence, evidence_table


@pytest.mark.parametrize("confidence", [0.0, 0.1, 0.3, 0.5, 0.6, 0.9, 0.999])
def test_evidence_is_twice_the_inverse_hyperbolic_tangent(confidence: float) -> None:
    assert evidence(confidence, 1.0) == pytest.approx(2 * math.atanh(confidence), abs=1e-8)


def test_evidence_is_clipped_at_both_ends() -> None:
    assert evidence(1.0, 1.0) == MAX_EVIDENCE
    assert evidence(1.0, -1.0) == -1.0
    assert evidence(0.6, 0.5) == pytest.approx(math.atanh(0.6), abs=1e-8)


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_confidence_never_gives_less_evidence(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert evidence(low, 1.0) <= evidence(high, 1.0)


@given(st.integers(10, 3_600_000), st.integers(0, 100_000_000))
def test_decay_is_the_exponential(tau_ms: int, milliseconds: int) -> None:
    expected = math.exp(-milliseconds / tau_ms)
    assert decay(tau_ms)(milliseconds) == pytest.approx(expected, rel=1e-9, abs=2e-9)


def test_no_time_takes_nothing_and_time_before_takes_nothing() -> None:
    assert decay(1500)(0) == decay(1500)(-5) == 1.0


def test_the_decay_table_of_the_default_is_bit_identical_everywhere() -> None:
    bits = ",".join(decay(1500)(n).hex() for n in range(0, 32_000, 7))
    digest = hashlib.sha256(bits.encode()).hexdigest()
    assert digest == "8e61a5148077f0943432428e0420cfc582e672b513a5a7dbaaa471f056a30893"


def test_the_evidence_table_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        evidence_table()[0] = 1.0
