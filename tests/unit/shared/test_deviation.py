"""What the detector says of a value, given those before it."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.v1.deviation import LEAST, WINDOW, Detector, Deviation, t3_tails
from shared.v1.errors import RefusedError

values = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
series = st.lists(values, min_size=LEAST, max_size=200)


def fed(usual: list[float], *, resolution: float = 1.0) -> Detector:
    detector = Detector(resolution=resolution)
    for value in usual:
        detector.judge(value)
    return detector


def judged(usual: list[float], value: float, *, resolution: float = 1.0) -> Deviation:
    deviation = fed(usual, resolution=resolution).judge(value)
    assert deviation is not None
    return deviation


@pytest.mark.parametrize(
    ("t", "tails"), [(0.76489, 0.5), (2.35336, 0.1), (3.18245, 0.05), (5.84091, 0.01), (12.92398, 0.001)]
)
def test_the_tails_are_those_of_the_printed_table(t: float, tails: float) -> None:
    assert t3_tails(t) == pytest.approx(tails, rel=1e-4)


def test_the_tails_end_at_one_and_at_zero() -> None:
    assert t3_tails(0.0) == 1.0
    assert t3_tails(math.ulp(0.0)) == 1.0
    assert t3_tails(1e200) == t3_tails(math.inf) == 0.0


def test_nothing_is_judged_before_there_are_enough_values() -> None:
    detector = Detector(resolution=1.0)
    assert [detector.judge(5.0) for _ in range(LEAST)] == [None] * LEAST
    assert detector.judge(5.0) == Deviation(confidence=0.0, sign=1.0, usual=5.0, scale=1.0)


def test_a_value_above_asserts_and_one_below_denies() -> None:
    assert judged([10.0] * LEAST, 90.0).sign == 1.0
    assert judged([10.0] * LEAST, -90.0).sign == -1.0


def test_the_confidence_says_how_sure_it_is_that_a_window_holds_no_such_value() -> None:
    spread = [float(value) for value in range(-50, 51)]  # median 0, MAD 25
    scale = 25 / 0.7648923284043452
    assert judged(spread, 10 * scale).confidence == pytest.approx(1 - WINDOW * t3_tails(10.0))


def test_jitter_below_the_resolution_is_no_deviation_of_a_constant_series() -> None:
    assert judged([20.0] * WINDOW, 21.0, resolution=1.0).confidence == 0.0
    assert judged([20.0] * WINDOW, 21.0, resolution=0.01).confidence > 0.99


def test_the_value_itself_does_not_take_part_in_what_is_usual() -> None:
    far = judged([1.0, 2.0] * LEAST, 1e9)
    assert far.usual == 1.5
    assert far.confidence == pytest.approx(1.0)


def test_a_step_deviates_until_half_of_the_window_has_seen_it_and_is_usual_afterwards() -> None:
    detector = fed([10.0] * WINDOW)
    confidences = []
    for _ in range(WINDOW):
        deviation = detector.judge(90.0)
        assert deviation is not None
        confidences.append(deviation.confidence)
    assert min(confidences[: WINDOW // 2 - 1]) > 0.9
    assert max(confidences[WINDOW // 2 + 1 :]) == 0.0
    back = detector.judge(10.0)
    assert back is not None
    assert (back.sign, back.confidence > 0.9) == (-1.0, True)


def test_a_slow_drift_is_no_deviation() -> None:
    detector = Detector(resolution=0.001)
    drift = [detector.judge(0.1 * second) for second in range(5 * WINDOW)]
    assert max(deviation.confidence for deviation in drift if deviation is not None) == 0.0


def test_ordinary_noise_is_hardly_ever_a_deviation() -> None:
    chance = random.Random(7)
    detector = Detector(resolution=0.01)
    noise = [detector.judge(chance.gauss(50.0, 5.0)) for _ in range(20_000)]
    sure = [deviation for deviation in noise if deviation is not None and deviation.confidence >= 0.3]
    assert len(sure) <= 2


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, 1e301])
def test_a_value_that_is_no_finite_number_is_refused_and_forgotten(wrong: float) -> None:
    detector = fed([10.0] * LEAST)
    with pytest.raises(RefusedError, match="finite"):
        detector.judge(wrong)
    assert detector.judge(10.0) == judged([10.0] * LEAST, 10.0)


@pytest.mark.parametrize("resolution", [0.0, -1.0, math.nan, math.inf])
def test_a_resolution_that_is_no_spread_is_refused(resolution: float) -> None:
    with pytest.raises(RefusedError, match="resolution"):
        Detector(resolution=resolution)


@pytest.mark.parametrize(("least", "window"), [(1, 120), (121, 120)])
def test_a_window_that_never_fills_is_refused(least: int, window: int) -> None:
    with pytest.raises(RefusedError, match="least"):
        Detector(resolution=1.0, least=least, window=window)


@given(series, values)
def test_the_confidence_is_a_number_from_zero_to_one(usual: list[float], value: float) -> None:
    deviation = judged(usual, value)
    assert 0.0 <= deviation.confidence <= 1.0
    assert deviation.scale >= 1.0


@given(
    st.lists(st.floats(min_value=-1e300, max_value=1e300), min_size=LEAST, max_size=60),
    st.floats(min_value=-1e300, max_value=1e300),
)
def test_the_largest_numbers_do_not_overflow(usual: list[float], value: float) -> None:
    assert 0.0 <= judged(usual, value, resolution=math.ulp(0.0)).confidence <= 1.0


@given(series, values, st.floats(min_value=0.0, max_value=1.0))
def test_what_is_farther_out_is_at_least_as_sure(usual: list[float], value: float, share: float) -> None:
    far = judged(usual, value)
    near = judged(usual, far.usual + share * (value - far.usual))
    assert near.confidence <= far.confidence + 1e-9


@given(series, values)
def test_a_mirrored_series_gives_the_mirrored_judgement(usual: list[float], value: float) -> None:
    found, mirrored = judged(usual, value), judged([-x for x in usual], -value)
    assert mirrored.confidence == found.confidence
    assert mirrored.usual == -found.usual
    assert mirrored.sign == -found.sign or value == found.usual


@given(series, values, st.integers(min_value=-20, max_value=20))
def test_another_unit_gives_the_same_confidence(usual: list[float], value: float, power: int) -> None:
    factor = 2.0**power  # exact in floats
    scaled = judged([x * factor for x in usual], value * factor, resolution=factor)
    assert scaled.confidence == judged(usual, value).confidence


@given(series, st.lists(values, max_size=20))
def test_what_comes_later_does_not_change_a_judgement(usual: list[float], later: list[float]) -> None:
    short, long = Detector(resolution=1.0), Detector(resolution=1.0)
    together = [long.judge(value) for value in usual + later]
    assert [short.judge(value) for value in usual] == together[: len(usual)]


@given(st.lists(values, min_size=WINDOW, max_size=WINDOW), st.lists(values, max_size=50), values)
def test_only_the_window_counts(window: list[float], before: list[float], value: float) -> None:
    assert judged(before + window, value) == judged(window, value)
