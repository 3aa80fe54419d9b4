"""What outcomes teach: the weight of a gate, and the trust in its witnesses.

Weight w in 0…1, a bounded linear operator (Bush and Mosteller, 1955, Stochastic Models for Learning):
    confirmed   w ← w + 0.02·(1 − w)              from 0.1 to 0.8 in 75 confirmations
    failed      w ← max(0, min(w, 0.8) − 0.05)    a reflex falls back at once
Trust of a witness, in [0.1, 2], by its share p of the opening's evidence, multiplicative like the weights
of experts (Littlestone and Warmuth, 1994, The Weighted Majority Algorithm):
    confirmed   trust ← trust·(1 + 0.1·p)
    failed      trust ← trust·(1 − 0.3·p)
A partial outcome is recorded and moves neither.
"""

from shared.v1.states import Outcome, Tier

NEW_WEIGHT = 0.1
REFLEX_WEIGHT = 0.8
MIN_TRUST, NEW_TRUST, MAX_TRUST = 0.1, 1.0, 2.0

_GAIN = 0.02
_LOSS = 0.05
_TRUST_GAIN = 0.1
_TRUST_LOSS = 0.3


def next_weight(weight: float, outcome: Outcome) -> float:
    """The weight of a gate after an outcome, 0…1."""
    match outcome:
        case Outcome.CONFIRMED:
            return weight + _GAIN * (1.0 - weight)
        case Outcome.FAILED:
            return max(0.0, min(weight, REFLEX_WEIGHT) - _LOSS)
        case Outcome.PARTIAL:
            return weight


def next_trust(trust: float, share: float, outcome: Outcome) -> float:
    """The trust in a witness that had `share` (0…1) of the evidence of an opening."""
    match outcome:
        case Outcome.CONFIRMED:
            return min(MAX_TRUST, trust * (1.0 + _TRUST_GAIN * share))
        case Outcome.FAILED:
            return max(MIN_TRUST, trust * (1.0 - _TRUST_LOSS * share))
        case Outcome.PARTIAL:
            return trust


def tier_of(weight: float) -> Tier:
    """Who handles the next opening of a gate of this weight."""
    if weight < 0.3:
        return Tier.COGNITION
    if weight < 0.6:
        return Tier.NERVE
    if weight <= REFLEX_WEIGHT:
        return Tier.CELL
    return Tier.REFLEX
