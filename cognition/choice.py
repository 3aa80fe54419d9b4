"""How evidence and a model make one choice: a prior, one noisy witness, a posterior. Nothing here is learned.

The model's answer is treated as naive Bayes treats an observation: it is right with a known rate `a`, and
when it is wrong, every other choice is equally likely to have been meant.
"""

import math
from collections.abc import Iterable, Sequence

CAP = 0.95
"""No model is believed more than this, however few choices there are."""

_DIGITS = 6  # like every number that a decision shows


def corroborated(confidences: Iterable[float]) -> float:
    """1 − Π(1 − c): how sure several independent witnesses are together; 0 if there is none."""
    return 1.0 - math.prod(1.0 - confidence for confidence in confidences)


def shares(weights: Sequence[float]) -> tuple[float, ...]:
    """Weights (≥ 0) scaled to the sum 1, rounded to 1e-6; equal shares if all are 0."""
    total = math.fsum(weights)
    if total <= 0.0:
        return tuple(round(1.0 / len(weights), _DIGITS) for _ in weights)
    return tuple(round(weight / total, _DIGITS) for weight in weights)


def hit_rate(choices: int, lift: float) -> float:
    """a = 1/k + lift, at most CAP: how often a model is right among k choices."""
    return min(CAP, 1.0 / choices + lift)


def posterior(prior: Sequence[float], chosen: int, *, lift: float) -> tuple[float, ...]:
    """posterior_j ∝ prior_j · r_j with r = a for what the model chose and (1 − a)/(k − 1) for the others."""
    k = len(prior)
    if k == 1:
        return (1.0,)
    a = hit_rate(k, lift)
    other = (1.0 - a) / (k - 1)
    return shares([share * (a if j == chosen else other) for j, share in enumerate(prior)])


def best(values: Sequence[float]) -> int:
    """Where the largest value stands; the first of equals."""
    return values.index(max(values))
