import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognition.choice import CAP, best, corroborated, hit_rate, posterior, shares

weights = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(weights)
def test_shares_sum_to_one_and_keep_the_order(given_weights: list[float]) -> None:
    found = shares(given_weights)
    assert sum(found) == pytest.approx(1, abs=1e-5)
    pairs = zip(given_weights, found, strict=True)
    ordered = [share for _, share in sorted(pairs, key=lambda pair: pair[0])]
    assert ordered == sorted(ordered)


def test_nothing_known_is_shared_equally() -> None:
    assert shares([0, 0]) == (0.5, 0.5)


def test_independent_witnesses_corroborate() -> None:
    assert corroborated([0.6, 0.5]) == pytest.approx(0.8)
    assert corroborated([]) == 0


def test_a_model_is_a_little_better_than_chance_and_never_sure() -> None:
    assert hit_rate(5, 0.10) == pytest.approx(0.30)  # as measured
    assert hit_rate(2, 0.9) == CAP


@given(weights, st.integers(0, 7), st.floats(0.01, 0.9))
def test_a_model_moves_weight_to_what_it_chose(prior: list[float], position: int, lift: float) -> None:
    chosen = position % len(prior)
    before = shares(prior)
    after = posterior(before, chosen, lift=lift)
    assert after[chosen] >= before[chosen] - 2e-6
    assert sum(after) == pytest.approx(1, abs=1e-5)


@given(weights, st.integers(0, 7))
def test_a_model_that_only_guesses_changes_nothing(prior: list[float], position: int) -> None:
    before = shares(prior)
    assert posterior(before, position % len(prior), lift=0) == pytest.approx(before, abs=1e-5)


def test_a_model_tips_a_balance_but_does_not_lift_a_weight() -> None:
    assert best(posterior((0.5, 0.5), 1, lift=0.1)) == 1
    assert best(posterior((0.7, 0.3), 1, lift=0.1)) == 0


def test_one_choice_is_certain() -> None:
    assert posterior((0.2,), 0, lift=0.1) == (1.0,)


def test_the_first_of_equals_is_the_best() -> None:
    assert best([0.4, 0.4, 0.2]) == 0
