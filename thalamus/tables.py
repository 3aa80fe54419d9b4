"""The two functions of the gate rule, as tables that are bit-identical on every machine.

`exp` and `atanh` of C libraries differ in the last bit, so neither is called while waves are folded.
Evidence is looked up in a table whose SHA-256 is fixed here; decay is the product of two look-ups in
tables that are grown by multiplication, which IEEE 754 defines exactly, from one literal per τ.
"""

import hashlib
import math
from decimal import Context, Decimal
from functools import cache

import numpy as np
import numpy.typing as npt

CONFIDENCE_STEPS = 10_000
MIN_EVIDENCE = -1.0
MAX_EVIDENCE = 8.0

_EVIDENCE_SHA256 = "e414ecee133b7801d7bc01d05dcfce126be7acf608fe057c871b4bf9534a65f0"
_GRID = float(2**30)  # evidence is rounded to 2⁻³⁰ nats, far coarser than the libraries differ
_FINE = 1024
_NOTHING = 1e-9  # about 21 τ; what is left of evidence then cannot be shown


@cache
def evidence_table() -> npt.NDArray[np.float64]:
    """2·atanh(c) in nats for c = 0, 0.0001 … 1, shape (10001,), float64.

    The last entry stands for all that rounds to 1, so it is that of 0.99995 and not infinite.
    This is the log-odds of two hypotheses to which a witness of confidence c gives (1 + c)/2 and (1 − c)/2:
    Turing's weight of evidence (Good, 1950, Probability and the Weighing of Evidence).
    Raises RuntimeError if this machine computes another table.
    """
    values = [2 * math.atanh(step / CONFIDENCE_STEPS) for step in range(CONFIDENCE_STEPS)]
    values.append(2 * math.atanh(1 - 0.5 / CONFIDENCE_STEPS))
    table = np.floor(np.array(values) * _GRID + 0.5) / _GRID
    digest = hashlib.sha256(table.astype("<f8").tobytes()).hexdigest()
    if digest != _EVIDENCE_SHA256:
        raise RuntimeError(f"this machine computes another table of evidence ({digest}): replays would differ")
    table.setflags(write=False)
    return table


@cache
def _evidence_values() -> list[float]:
    values: list[float] = evidence_table().tolist()
    return values


def evidence(confidence: float, valence: float) -> float:
    """Evidence of a wave in nats: valence · 2·atanh(confidence), clipped to [−1, +8]."""
    value = valence * _evidence_values()[int(confidence * CONFIDENCE_STEPS + 0.5)]
    return min(MAX_EVIDENCE, max(MIN_EVIDENCE, value))


class Decay:
    """D(n) = exp(−n/τ) for whole milliseconds n ≥ 0. Calling it is two look-ups and one product."""

    __slots__ = ("_coarse", "_fine", "tau_ms")

    def __init__(self, tau_ms: int) -> None:
        self.tau_ms = tau_ms
        # Decimal's exp is correctly rounded by definition, so this literal is the same everywhere.
        context = Context(prec=40)
        rate = float(context.exp(context.divide(Decimal(-1), Decimal(tau_ms))))
        self._fine = _powers(rate, _FINE)
        step = self._fine[-1] * rate
        self._coarse = [1.0]
        while self._coarse[-1] > _NOTHING:
            self._coarse.append(self._coarse[-1] * step)

    @property
    def tables(self) -> tuple[list[float], list[float]]:
        """D in steps of 1024 ms, and D of 0 to 1023 ms."""
        return self._coarse, self._fine

    def __call__(self, milliseconds: int) -> float:
        if milliseconds <= 0:
            return 1.0
        block = milliseconds >> 10
        if block >= len(self._coarse):
            return 0.0
        return self._coarse[block] * self._fine[milliseconds & (_FINE - 1)]


class Fading:
    """D for two time constants at once, because a gate always asks for both."""

    __slots__ = ("_fast", "_slow")

    def __init__(self, fast: Decay, slow: Decay) -> None:
        self._fast = fast.tables
        self._slow = slow.tables

    def __call__(self, milliseconds: int) -> tuple[float, float]:
        if milliseconds <= 0:
            return 1.0, 1.0
        block, rest = milliseconds >> 10, milliseconds & (_FINE - 1)
        coarse, fine = self._fast
        slow_coarse, slow_fine = self._slow
        return (
            coarse[block] * fine[rest] if block < len(coarse) else 0.0,
            slow_coarse[block] * slow_fine[rest] if block < len(slow_coarse) else 0.0,
        )


def _powers(rate: float, count: int) -> list[float]:
    powers = [1.0]
    while len(powers) < count:
        powers.append(powers[-1] * rate)
    return powers


@cache
def decay(tau_ms: int) -> Decay:
    """The decay of one time constant; made once."""
    return Decay(tau_ms)


@cache
def fading(tau_ms: int, slower: int) -> Fading:
    """The decays of one time constant and of one that is so many times longer; made once."""
    return Fading(decay(tau_ms), decay(slower * tau_ms))
