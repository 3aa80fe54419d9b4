"""One ternary gate: evidence of witnesses, its read-out, and the rule by which it changes state.

A witness is a unit. Waves of one witness are averaged over time, so that repeating is not proving;
different witnesses corroborate each other, so that no single one opens a gate. Symbols are those of the
gate rule: E leaky average, B its slow average (what we are used to), T time of the last wave, w trust,
D decay, x what a witness still says beyond that, y what the others assert, S the corroborated sum.
"""

from dataclasses import dataclass
from typing import NamedTuple

from shared.v1.states import Cause, GateState
from thalamus.learning import NEW_TRUST, NEW_WEIGHT, REFLEX_WEIGHT
from thalamus.ring import Heard, Ring
from thalamus.rules import GateRules
from thalamus.tables import Fading, fading

SURE = 0.9
"""The confidence with which a single wave of a trusted witness opens a gate of reflex weight."""

EVIDENCE_TAUS = 4
"""A decision shows the waves of this many τ; older ones have less than 2 % of their say left."""

REMEMBERED_OPENINGS = 64

HABITUATION_TAUS = 40
"""The slow average has this many times the time constant of the fast one."""

_COUPLING = 1.0 / (HABITUATION_TAUS - 1)  # κ = τ/(τ_slow − τ)


class Readout(NamedTuple):
    """What a gate's witnesses say at one moment; all lists are in order of the witnesses' first waves."""

    says: list[float]  # x, nats
    contributions: list[float]  # parts of S, nats
    total: float  # S, nats
    confidence: float  # amplified, 0…1
    hold: float  # what keeps it open: S, or a reflex's one witness


@dataclass(slots=True, kw_only=True)
class Opening:
    """One opening, kept until reality has said what it was worth."""

    seq: int
    shares: dict[int, float]  # witness index → its share of the asserting evidence, 0…1
    verified: bool = False


class Gate:
    """The state of one gate. `hear` and `move` change it, everything else looks."""

    __slots__ = (
        "averages",
        "by_reflex",
        "confidences",
        "garden",
        "habits",
        "openings",
        "refractory_until",
        "region",
        "ring",
        "rules",
        "state",
        "times",
        "trusts",
        "weight",
        "witnesses",
    )

    def __init__(self, region: str, garden: str, rules: GateRules) -> None:
        self.region = region
        self.garden = garden
        self.rules = rules
        self.state = GateState.STABLE
        self.weight = NEW_WEIGHT
        self.by_reflex = False
        self.refractory_until = 0
        self.openings: list[Opening] = []
        self.ring = Ring()
        self.witnesses: dict[str, int] = {}
        # An entry per witness. Plain lists: numbers are read and written one by one, and few at a time.
        self.averages: list[float] = []  # E, nats
        self.habits: list[float] = []  # B, nats
        self.times: list[int] = []  # T, milliseconds
        self.confidences: list[float] = []  # of the last wave, 0…1
        self.trusts: list[float] = []  # w, 0.1…2

    @property
    def name(self) -> str:
        """Garden and region: real/math."""
        return f"{self.garden}/{self.region}"

    @property
    def fading(self) -> Fading:
        """D for this gate's τ, and for the slow one of habituation."""
        return fading(self.rules.tau_ms, HABITUATION_TAUS)

    def hear(self, witness: str, heard: Heard) -> bool:
        """Take in a wave. False if it is older than its witness's last, and so changes nothing."""
        index = self.witnesses.get(witness)
        if index is None:
            index = self._admit(witness)
            kept = 0.0
        else:
            gap = heard.at_ms - self.times[index]
            if gap < 0:
                return False
            kept, slowly_kept = self.fading(gap)
            self.habits[index] = _habit(self.habits[index], self.averages[index], kept, slowly_kept)
        self.averages[index] = kept * self.averages[index] + (1.0 - kept) * heard.evidence
        self.confidences[index] = heard.confidence
        self.times[index] = heard.at_ms
        self.ring.push(heard, 1.0 - kept)
        return True

    def _admit(self, witness: str) -> int:
        index = self.witnesses[witness] = len(self.witnesses)
        self.averages.append(0.0)
        self.habits.append(0.0)
        self.times.append(0)
        self.confidences.append(0.0)
        self.trusts.append(NEW_TRUST)
        return index

    def read(self, at_ms: int) -> Readout:
        """What the witnesses say at a time. Changes nothing.

        This runs for every wave and every witness, so `_habit` and what it is for are written out here.
        """
        fading, usual_share = self.fading, self.rules.habituation
        says, doubt, strongest = [], 1.0, 0.0
        for average, habit, spoke_at, confidence, trust in zip(
            self.averages, self.habits, self.times, self.confidences, self.trusts, strict=True
        ):
            left, slowly_left = fading(at_ms - spoke_at)
            now = average * left
            usual = usual_share * (slowly_left * habit + _COUPLING * average * (slowly_left - left))
            # Only what goes beyond the usual counts, and being used to a thing never turns it round.
            if now > 0.0:
                if usual > 0.0:
                    now -= usual
                said = trust * now if now > 0.0 else 0.0
            else:
                if usual < 0.0:
                    now -= usual
                said = trust * now if now < 0.0 else 0.0
            says.append(said)
            if said > 0.0:
                doubt *= 1.0 - confidence * left
                if said > strongest:
                    strongest = said
        contributions, total = corroborate(says)
        hold = max(total, strongest) if self.by_reflex else total
        return Readout(says, contributions, total, 1.0 - doubt, hold)

    def due(self, at_ms: int, readout: Readout, heard: Heard | None) -> tuple[GateState, Cause] | None:
        """The transition that is due at a time, None if there is none. `heard` is the wave just taken in."""
        rules = self.rules
        denied = heard is not None and heard.evidence < 0.0
        match self.state:
            case GateState.STABLE:
                if readout.total >= rules.threshold:
                    return GateState.OPEN, Cause.COLLAPSE
                if heard is not None and self._is_reflex(heard):
                    return GateState.OPEN, Cause.REFLEX
                if self._is_denied(readout):
                    return GateState.CLOSED, Cause.CONTRADICTION
            case GateState.OPEN:
                if readout.hold < rules.hysteresis * rules.threshold:
                    if rules.refractory_ms:
                        return GateState.CLOSED, Cause.REFRACTORY
                    return GateState.STABLE, Cause.CONTRADICTION if denied else Cause.DECAY
            case GateState.CLOSED:
                rested = at_ms >= self.refractory_until
                if rested and readout.total > -rules.hysteresis * rules.threshold_closed:
                    return GateState.STABLE, Cause.REFRACTORY if self.refractory_until else Cause.DECAY
        return None

    def _is_reflex(self, heard: Heard) -> bool:
        trusted = self.trusts[heard.witness] >= NEW_TRUST
        return self.weight > REFLEX_WEIGHT and trusted and heard.valence > 0.0 and heard.confidence >= SURE

    def _is_denied(self, readout: Readout) -> bool:
        if readout.total >= -self.rules.threshold_closed:
            return False
        return sum(1 for said in readout.says if said < 0.0) >= 2

    def move(self, to_state: GateState, cause: Cause, at_ms: int, seq: int, readout: Readout) -> None:
        """Carry out a transition that was due."""
        self.state = to_state
        self.by_reflex = cause is Cause.REFLEX
        self.refractory_until = (
            at_ms + self.rules.refractory_ms
            if cause is Cause.REFRACTORY and to_state is GateState.CLOSED
            else 0
        )
        if to_state is GateState.OPEN:
            self.openings.append(Opening(seq=seq, shares=_shares(readout)))
            del self.openings[:-REMEMBERED_OPENINGS]

    @property
    def newest_ms(self) -> int:
        """When anybody last spoke here, milliseconds."""
        return max(self.times, default=0)

    def trust(self, index: int) -> float:
        """Trust in a witness, 0.1…2."""
        return self.trusts[index]

    def set_trust(self, index: int, trust: float) -> None:
        """Change the trust in a witness."""
        self.trusts[index] = trust

    def average(self, index: int) -> float:
        """E of a witness, nats."""
        return self.averages[index]

    def spoke_at(self, index: int) -> int:
        """T of a witness, milliseconds."""
        return self.times[index]

    def window(self, at_ms: int) -> list[Heard]:
        """The waves that still count at a time, oldest first."""
        return self.ring.newer_than(at_ms - EVIDENCE_TAUS * self.rules.tau_ms)


def _habit(habit: float, average: float, left: float, slowly_left: float) -> float:
    """B after a time in which `left` of E and `slowly_left` of B remain.

    B is a low pass of what the witness still says, so silence counts as silence: the solution of
    dB/dt = (E·exp(−t/τ) − B)/τ_slow.
    """
    return slowly_left * habit + _COUPLING * average * (slowly_left - left)


def corroborate(says: list[float]) -> tuple[list[float], float]:
    """Return each witness's contribution and their sum S, in nats.

    An asserting x counts x·y/(1 + y), where y is what the others assert: alone it counts nothing, well
    supported it counts whole. A denying x counts as it is. Sums are written out in witness order, because
    another order of additions would give another last bit.
    """
    asserted = 0.0
    for said in says:
        if said > 0.0:
            asserted += said
    contributions = []
    positive = negative = 0.0
    for said in says:
        if said > 0.0:
            others = asserted - said
            part = said * others / (1.0 + others)
            positive += part
        else:
            part = said
            negative += part
        contributions.append(part)
    return contributions, positive + negative


def _shares(readout: Readout) -> dict[int, float]:
    """Each asserting witness's share of an opening; a lone reflex witness has it all."""
    asserting = {index: said for index, said in enumerate(readout.says) if said > 0.0}
    parts = {index: readout.contributions[index] for index in asserting}
    total = sum(parts.values())
    if total <= 0.0:
        parts, total = asserting, sum(asserting.values())
    return {index: part / total for index, part in parts.items()}
