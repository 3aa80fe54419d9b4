"""Any life of a thalamus, made up by hypothesis, held against a second writing of the rule."""

from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.v1.errors import RefusedError
from shared.v1.states import GateState
from shared.v1.subjects import Kind
from tests.unit.thalamus.conftest import START_MS, VOCABULARY, Hand
from tests.unit.thalamus.test_gate import Naive
from thalamus.learning import MAX_TRUST, MIN_TRUST
from thalamus.snapshot import decode, encode

CELLS = st.sampled_from(["a", "b", "c"])
CONFIDENCES = st.integers(0, 10_000).map(lambda quantum: quantum / 10_000)
GAPS = st.integers(0, 5_000)


class ThalamusMachine(RuleBasedStateMachine):
    """One real gate, `math`, whose sum the model knows; another region only passes time."""

    @initialize()
    def begin(self) -> None:
        self.hand = Hand()
        self.hand.rules(vocabulary=VOCABULARY)
        self.naive = Naive()
        self.spoke: set[str] = set()
        self.now = 0
        self.threshold = 1.0
        self.taught = False

    @rule(cell=CELLS, gap=GAPS, confidence=CONFIDENCES, valence=st.sampled_from([1.0, 1.0, -1.0, 0.5]))
    def wave(self, cell: str, gap: int, confidence: float, valence: float) -> None:
        self.now += gap
        self.hand.wave(cell, confidence, valence=valence, at=self.now)
        self.naive.hear(cell, START_MS + self.now, confidence, valence)
        self.spoke.add(cell)

    @rule(gap=GAPS)
    def somewhere_else(self, gap: int) -> None:
        self.now += gap
        self.hand.wave("host_cpu", 0.2, label="load", at=self.now)

    @rule(gap=GAPS)
    def tick(self, gap: int) -> None:
        self.now += gap
        self.hand.tick(at=self.now)

    @rule(threshold=st.sampled_from([0.5, 1.0, 2.0]))
    def rules(self, threshold: float) -> None:
        self.hand.rules(region="math", threshold=threshold, at=self.now)
        self.threshold = threshold

    @rule(outcome=st.sampled_from(["confirmed", "failed", "partial"]))
    def outcome(self, outcome: str) -> None:
        try:
            self.taught |= bool(self.hand.outcome(outcome))
        except RefusedError:
            gate = self.hand.state.gate("real", "math")
            assert gate is None or not gate.openings

    @rule()
    def power_cut(self) -> None:
        raw, _ = encode(self.hand.state)
        self.hand.state = decode(raw).state
        assert encode(self.hand.state)[0] == raw

    @invariant()
    def the_sum_is_that_of_the_model(self) -> None:
        gate = self.hand.state.gate("real", "math")
        if gate is None or self.taught:  # trust is not in the model
            return
        at = START_MS + self.now
        assert abs(gate.read(at).total - self.naive.total(at)) < 1e-5

    @invariant()
    def a_gate_opens_only_when_two_agree(self) -> None:
        gate = self.hand.state.gate("real", "math")
        if gate is not None and len(self.spoke) < 2:
            assert gate.state is GateState.STABLE

    @invariant()
    def transitions_alternate_and_name_the_state(self) -> None:
        moves = [
            made.body
            for made in self.hand.decided
            if made.kind is Kind.TRANSITION and made.body.gate == "real/math"
        ]
        for before, after in pairwise(moves):
            assert before.to_state is after.from_state
        gate = self.hand.state.gate("real", "math")
        if gate is not None:
            assert gate.state is (moves[-1].to_state if moves else GateState.STABLE)

    @invariant()
    def weight_and_trust_keep_their_bounds(self) -> None:
        gate = self.hand.state.gate("real", "math")
        if gate is not None:
            assert 0.0 <= gate.weight <= 1.0
            assert all(MIN_TRUST <= gate.trust(index) <= MAX_TRUST for index in gate.witnesses.values())

    @invariant()
    def time_stands_where_the_newest_input_left_it(self) -> None:
        garden = self.hand.state.gardens.get("real")
        if garden is not None:
            assert garden.now_ms <= START_MS + self.now


TestThalamusMachine = ThalamusMachine.TestCase
TestThalamusMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
