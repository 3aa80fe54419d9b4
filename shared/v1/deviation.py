"""Online detection of deviations: how sure it is that a new value is not one of the usual ones.

Each value is compared with the window of values before it, itself not included, so the judgement is causal
and needs no clock. With c the median of the window and MAD the median of |x − c|:

    s = max(MAD / q, resolution)          q = 0.7649, upper quartile of Student's t with 3 degrees of freedom
    u = |value − c| / (s·√3)
    p = (2/π)·(arctan(1/u) − u/(1 + u²))  both tails of that distribution, in closed form
    confidence = 1 − min(1, N·p)          Bonferroni, N the size of a full window

So the confidence is a bound on how sure one may be that N ordinary samples would hold no value as far out.
Three degrees of freedom, because loads and rates have heavy tails: what is 4 σ out is ordinary there.
Median and MAD stay put until half of the window has changed; a step is a deviation until then and usual
afterwards. A constant series has a MAD of 0; there `resolution` says which differences mean nothing.

Sources: Leys et al., "Detecting outliers: Do not use standard deviation around the mean, use absolute
deviation around the median", J. Exp. Soc. Psychol. 49 (2013), for centre and scale; Student's t, ν = 3,
distribution function in Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3.
"""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from shared.v1.errors import RefusedError

WINDOW = 120
LEAST = 20

_T3_QUARTILE = 0.7648923284043452  # P(T ≤ q) = 3/4 for three degrees of freedom
_LARGEST = 1e300  # so that sums and differences of two values stay finite


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far out a value was.

    `confidence` is 0…1, `sign` +1 above the usual and −1 below, `usual` the centre and `scale` the spread
    of the window, both in the unit of the values.
    """

    confidence: float
    sign: float
    usual: float
    scale: float


class Detector:
    """The recent values of one reading, and the judgement of the next."""

    def __init__(self, *, resolution: float, window: int = WINDOW, least: int = LEAST) -> None:
        """`resolution` is the smallest spread that is believed, in the unit of the values.

        `window` values are remembered, and nothing is judged before `least` of them.
        Raises RefusedError if these make no sense.
        """
        if not (math.isfinite(resolution) and resolution > 0):
            raise RefusedError(f"resolution is {resolution}: it must be a finite number above 0")
        if not 2 <= least <= window:
            raise RefusedError(f"least is {least}: it must be from 2 to the window of {window}")
        self._resolution = resolution
        self._window = window
        self._least = least
        self._arrived: deque[float] = deque()
        self._ordered: list[float] = []

    def judge(self, value: float) -> Deviation | None:
        """Compare a value with those before it, then remember it; None while there are too few.

        Raises RefusedError, and remembers nothing, if the value is no finite number.
        """
        if not abs(value) <= _LARGEST:
            raise RefusedError(f"the value is {value}: it must be a finite number", code=422)
        judged = self._compare(value) if len(self._ordered) >= self._least else None
        self._remember(value)
        return judged

    def _compare(self, value: float) -> Deviation:
        centre = _middle(self._ordered)
        # Falls towards the centre and rises after it: two runs, which sorting merges in linear time.
        spread = _middle(sorted(abs(x - centre) for x in self._ordered))
        scale = max(spread / _T3_QUARTILE, self._resolution)
        tails = t3_tails(abs(value - centre) / scale)
        return Deviation(
            confidence=1.0 - min(1.0, self._window * tails),
            sign=1.0 if value >= centre else -1.0,
            usual=centre,
            scale=scale,
        )

    def _remember(self, value: float) -> None:
        if len(self._arrived) == self._window:
            oldest = self._arrived.popleft()
            del self._ordered[bisect_left(self._ordered, oldest)]
        self._arrived.append(value)
        insort(self._ordered, value)


def t3_tails(t: float) -> float:
    """P(|T| ≥ t) for Student's t with 3 degrees of freedom and t ≥ 0; exactly 1 at 0, and 0 at infinity."""
    u = t / math.sqrt(3.0)
    if u == 0:
        return 1.0
    # 1/(u + 1/u) is u/(1 + u²) without an overflow in u².
    return max(0.0, 2.0 / math.pi * (math.atan2(1.0, u) - 1.0 / (u + 1.0 / u)))


def _middle(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
