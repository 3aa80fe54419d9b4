"""What outcomes teach."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.v1.states import Outcome, Tier
from thalamus.learning import MAX_TRUST, MIN_TRUST, NEW_WEIGHT, next_trust, next_weight, tier_of

WEIGHTS = st.floats(0, 1)
TRUSTS = st.floats(MIN_TRUST, MAX_TRUST)
SHARES = st.floats(0, 1)


@given(WEIGHTS, st.sampled_from(Outcome))
def test_weight_stays_between_0_and_1(weight: float, outcome: Outcome) -> None:
    assert 0.0 <= next_weight(weight, outcome) <= 1.0


@given(st.floats(0.05, 1))
def test_a_failure_takes_more_weight_than_a_confirmation_gives(weight: float) -> None:
    gained = next_weight(weight, Outcome.CONFIRMED) - weight
    assert weight - next_weight(weight, Outcome.FAILED) > gained


@given(TRUSTS, SHARES, st.sampled_from(Outcome))
def test_trust_stays_in_its_bounds_and_partial_moves_nothing(
    trust: float, share: float, outcome: Outcome
) -> None:
    after = next_trust(trust, share, outcome)
    assert MIN_TRUST <= after <= MAX_TRUST
    if outcome is Outcome.PARTIAL:
        assert after == trust


@given(TRUSTS, st.floats(0.01, 1))
def test_a_failure_after_a_confirmation_leaves_less_trust_than_before(trust: float, share: float) -> None:
    after = next_trust(next_trust(trust, share, Outcome.CONFIRMED), share, Outcome.FAILED)
    assert after < trust or after == MIN_TRUST


def test_a_reflex_takes_75_confirmations_and_falls_back_at_once() -> None:
    weight, confirmations = NEW_WEIGHT, 0
    while tier_of(weight) is not Tier.REFLEX:
        weight = next_weight(weight, Outcome.CONFIRMED)
        confirmations += 1
    assert confirmations == 75
    assert tier_of(next_weight(0.99, Outcome.FAILED)) is Tier.CELL
    assert next_weight(0.99, Outcome.FAILED) == pytest.approx(0.75)
