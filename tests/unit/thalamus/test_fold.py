"""What the thalamus decides, seen from outside: waves in, decisions out."""

import random
from contextlib import suppress

import pytest

from shared.v1.errors import RefusedError
from shared.v1.messages import Escalation, GateTransition, WeightChange
from shared.v1.states import Cause, GateState, Tier
from shared.v1.subjects import Kind
from tests.unit.thalamus.conftest import START_MS, Hand
from thalamus import fold


def kinds(decisions: list[fold.Decision]) -> list[Kind]:
    return [made.kind for made in decisions]


def test_the_textbook_pair_collapses_and_is_escalated(hand: Hand) -> None:
    assert hand.wave("math", 0.6, at=0) == []
    made = hand.wave("calculate", 0.5, label="calculate", at=0)
    assert kinds(made) == [Kind.TRANSITION, Kind.ESCALATION]
    moved, raised = made[0].body, made[1].body
    assert isinstance(moved, GateTransition)
    assert isinstance(raised, Escalation)
    assert (moved.from_state, moved.to_state, moved.cause) == (
        GateState.STABLE,
        GateState.OPEN,
        Cause.COLLAPSE,
    )
    assert moved.correlation == pytest.approx(1.36, abs=0.005)
    assert moved.confidence == pytest.approx(1 - 0.4 * 0.5)
    assert moved.tier is Tier.COGNITION
    assert (moved.gate, moved.region, moved.input_seq) == ("real/math", "math", 3)
    assert [wave.witness for wave in moved.evidence] == ["math", "calculate"]
    assert sum(wave.contribution for wave in moved.evidence) == pytest.approx(moved.correlation, abs=1e-5)
    assert raised.transition == moved.id


def test_the_same_wave_twice_from_one_source_opens_nothing(hand: Hand) -> None:
    hand.wave("math", 0.9, at=0)
    assert hand.wave("math", 0.9, at=10) == []


def test_a_denial_takes_an_agreement_away(hand: Hand) -> None:
    hand.wave("math", 0.6, at=0)
    hand.wave("abacus", 0.5, label="sum", at=0)
    hand.wave("abacus", 0.6, label="sum", valence=-1.0, at=700)
    hand.wave("calculate", 0.6, valence=-1.0, at=800)
    assert hand.state_of() is GateState.STABLE
    assert hand.decided[-1].body.cause is Cause.CONTRADICTION


def test_time_alone_empties_a_gate(hand: Hand) -> None:
    hand.wave("math", 0.6, at=0)
    hand.wave("calculate", 0.5, at=0)
    assert hand.tick(at=100) == []
    [made] = hand.tick(at=2_000)
    assert (made.body.to_state, made.body.cause) == (GateState.STABLE, Cause.DECAY)
    assert not hand.state.waits_for_time


def test_waves_about_another_region_move_time_for_an_open_gate(hand: Hand) -> None:
    hand.wave("math", 0.6, at=0)
    hand.wave("calculate", 0.5, at=0)
    [made] = hand.wave("host_cpu", 0.4, label="load", at=5_000)
    assert (made.region, made.body.to_state) == ("math", GateState.STABLE)


def test_an_open_gate_is_not_escalated_again_while_it_stays_open(hand: Hand) -> None:
    hand.wave("math", 0.6, at=0)
    hand.wave("calculate", 0.6, at=0)
    made = [hand.wave(cell, 0.6, at=at) for at in range(100, 1000, 100) for cell in ("math", "calculate")]
    assert made == [[]] * len(made)


def test_gardens_do_not_hear_each_other(hand: Hand) -> None:
    hand.wave("math", 0.6, at=0)
    assert hand.wave("calculate", 0.5, garden="virtual", at=0) == []
    assert hand.state_of(garden="real") is GateState.STABLE


def test_a_virtual_garden_opens_earlier_and_tells_who_agreed_with_whom(hand: Hand) -> None:
    hand.wave("math", 0.4, garden="virtual.run1", at=0)
    made = hand.wave("calculate", 0.4, garden="virtual.run1", at=0)
    assert kinds(made) == [Kind.TRANSITION, Kind.ESCALATION, Kind.CORRELATION]
    event = made[2].body
    assert event.witnesses == ("math", "calculate")
    assert event.matrix[0][1] == event.matrix[1][0] == pytest.approx(made[0].body.correlation)


def test_simulated_time_is_the_waves_own_time(hand: Hand) -> None:
    hand.wave("math", 0.6, garden="virtual", observed=0, at=0)
    hand.wave("calculate", 0.6, garden="virtual", observed=60_000, at=1)
    assert hand.state_of(garden="virtual") is GateState.STABLE
    hand.wave("math", 0.6, garden="virtual", observed=60_100, at=2)
    assert hand.state_of(garden="virtual") is GateState.OPEN
    assert hand.tick(at=3_600_000) == []
    hand.wave("other", 0.1, label="other", garden="virtual", observed=70_000, at=3)
    assert hand.state_of(garden="virtual") is GateState.STABLE


def test_a_late_wave_counts_with_its_age_and_never_turns_time_back(hand: Hand) -> None:
    hand.wave("clock", 0.1, label="other", garden="virtual", observed=3_000, at=0)
    hand.wave("math", 0.9, garden="virtual", observed=2_900, at=1)
    made = hand.wave("calculate", 0.9, garden="virtual", observed=1_000, at=2)
    garden = hand.state.gardens["virtual"]
    assert (garden.late, garden.now_ms % 100_000) == (2, 3_000)
    assert [wave.age_ms for wave in made[0].body.evidence] == [100, 2_000]


def test_a_label_that_nobody_knows_founds_its_own_region(hand: Hand) -> None:
    hand.wave("nose", 0.6, label="Burnt toast!")
    hand.wave("tongue", 0.6, label="burnt-toast")
    assert hand.state_of("burnt-toast") is GateState.OPEN
    hand.wave("nose", 0.6, label="焦げた匂い")
    assert any(region.startswith("label-") for _, region in hand.state.gates)


def test_a_confirmed_opening_earns_weight_and_trust_once(hand: Hand) -> None:
    hand.wave("math", 0.6, at=0)
    hand.wave("calculate", 0.5, at=0)
    [made] = hand.outcome("confirmed", about="rs:real/math/3", opening="tr:real/math/3")
    learned = made.body
    assert isinstance(learned, WeightChange)
    assert (learned.before, learned.after, learned.opening) == (0.1, pytest.approx(0.118), "tr:real/math/3")
    assert {change.witness for change in learned.trust} == {"math", "calculate"}
    assert all(1.0 < change.after < 1.1 for change in learned.trust)
    assert hand.outcome("confirmed", opening="tr:real/math/3") == []


def test_a_failed_opening_costs_more_than_a_confirmed_one_gives(hand: Hand) -> None:
    weights = []
    for outcome in ("confirmed", "failed"):
        at = hand.now + 10_000
        hand.wave("math", 0.6, at=at)
        hand.wave("calculate", 0.6, at=at)
        change = hand.outcome(outcome)[0].body
        weights.append(change.after - change.before)
        hand.tick(at=at + 5_000)
    assert -weights[1] > weights[0] > 0


def test_an_outcome_about_nothing_is_refused_with_a_sentence(hand: Hand) -> None:
    with pytest.raises(RefusedError, match="does not remember"):
        hand.outcome("confirmed")
    hand.wave("math", 0.6)
    hand.wave("calculate", 0.6)
    with pytest.raises(RefusedError, match="tr:real/math/999"):
        hand.outcome("confirmed", opening="tr:real/math/999")


@pytest.mark.parametrize(
    ("weight", "tier", "escalates"),
    [(0.29, Tier.COGNITION, True), (0.3, Tier.NERVE, False), (0.6, Tier.CELL, False), (0.8, Tier.CELL, False)],
)
def test_weight_says_who_handles_an_opening(hand: Hand, weight: float, tier: Tier, escalates: bool) -> None:
    hand.wave("math", 0.6)
    hand.weigh(weight)
    made = hand.wave("calculate", 0.6)
    assert made[0].body.tier is tier
    assert (Kind.ESCALATION in kinds(made)) is escalates


def test_a_reflex_opens_on_one_sure_wave_and_falls_back_when_it_fails(hand: Hand) -> None:
    hand.wave("math", 0.1, at=0)
    hand.weigh(0.9)
    assert hand.wave("math", 0.8, at=5_000) == []
    made = hand.wave("math", 0.95, at=10_000)
    assert kinds(made) == [Kind.TRANSITION, Kind.REFLEX]
    assert (made[0].body.cause, made[0].body.tier) == (Cause.REFLEX, Tier.REFLEX)
    assert hand.tick(at=10_300) == []
    assert hand.outcome("failed")[0].body.after < 0.8
    hand.tick(at=20_000)
    assert hand.wave("math", 0.95, at=30_000) == []


def test_a_rule_change_moves_a_gate_and_says_so(hand: Hand) -> None:
    hand.wave("math", 0.6, at=0)
    hand.wave("calculate", 0.5, at=0)
    [made] = hand.rules(region="math", threshold=5.0, at=1)
    assert (made.body.to_state, made.body.cause, made.body.rules) == (GateState.STABLE, Cause.RULES, 4)
    assert hand.state.rules.of("math", "real").threshold == 5.0
    assert hand.state.rules.of("load", "real").threshold == 1.0


def test_the_refractory_time_keeps_a_gate_closed(hand: Hand) -> None:
    hand.rules(region="math", refractory_ms=3_000)
    hand.wave("math", 0.6, at=0)
    hand.wave("calculate", 0.6, at=0)
    hand.tick(at=4_000)
    assert (hand.state_of(), hand.decided[-1].body.cause) == (GateState.CLOSED, Cause.REFRACTORY)
    hand.wave("math", 0.9, at=6_900)
    hand.wave("calculate", 0.9, at=6_900)
    assert hand.state_of() is GateState.CLOSED
    hand.tick(at=7_000)
    assert hand.state_of() is GateState.STABLE
    assert hand.state.waits_for_time
    hand.tick(at=7_060)
    assert hand.state_of() is GateState.OPEN


def test_too_many_witnesses_and_gates_are_refused(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "MAX_WITNESSES", 2)
    monkeypatch.setattr(fold, "MAX_GATES", 2)
    hand.wave("a", 0.1)
    hand.wave("b", 0.1)
    with pytest.raises(RefusedError, match="2 witnesses already"):
        hand.wave("c", 0.1)
    hand.wave("a", 0.1, label="x")
    with pytest.raises(RefusedError, match="2 gates already"):
        hand.wave("a", 0.1, label="y")


class Life:
    """A long random life of a thalamus, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.hand = Hand()
        self.hand.rules(vocabulary={"math": "math", "calculate": "math"})
        self._dice = random.Random(seed)
        self._now = 0

    def live(self, inputs: int) -> list[bytes]:
        """Go on for a number of inputs; return all decisions so far as bytes."""
        dice, hand = self._dice, self.hand
        for _ in range(inputs):
            self._now += dice.choice([0, 1, 7, 90, 700, 700, 5_000])
            match dice.randrange(20):
                case 0:
                    hand.tick(at=self._now)
                case 1:
                    fields = dice.choice([{"threshold": 0.7}, {"threshold": 1.3}, {"refractory_ms": 900}, {}])
                    if dice.random() < 0.2:
                        fields = {**fields, "shadow": dice.choice(["on", "on", "off"])}
                    hand.rules(at=self._now, region=dice.choice(["math", None]), **fields)
                case 2 | 3:
                    with suppress(RefusedError):
                        hand.outcome(
                            dice.choice(["confirmed", "confirmed", "failed"]),
                            dice.choice(["math", "load"]),
                            garden=dice.choice(["real", "virtual"]),
                        )
                case _:
                    garden = dice.choice(["real", "virtual", "virtual.run"])
                    observed = (
                        self._now + dice.choice([0, 0, -300, 500_000]) if garden == "virtual.run" else None
                    )
                    hand.wave(
                        dice.choice("abcde"),
                        round(dice.random(), 3),
                        label=dice.choice(["math", "calculate", "load", "heat"]),
                        valence=dice.choice([1.0, 1.0, -1.0]),
                        garden=garden,
                        at=self._now,
                        observed=observed,
                    )
        return [made.to_bytes() for made in hand.decided]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_inputs_give_the_same_bytes(seed: int) -> None:
    first = Life(seed).live(3_000)
    assert len(first) > 100
    assert Life(seed).live(3_000) == first


def murmur(hand: Hand, *, witnesses: int, until: int, low: float, high: float) -> None:
    """Witnesses that speak without end, each about every 300 ms."""
    dice = random.Random(5)
    times = sorted((dice.randrange(until), dice.randrange(witnesses)) for _ in range(until * witnesses // 300))
    for at, witness in times:
        hand.wave(f"murmurer{witness}", round(dice.uniform(low, high), 3), at=at)


def test_an_endless_murmur_comes_to_rest_and_two_sudden_voices_open_at_once(hand: Hand) -> None:
    hand.rules(region="math", tau_ms=300)  # so that 40 τ are 12 s
    murmur(hand, witnesses=20, until=60_000, low=0.1, high=0.2)
    assert hand.state_of() is GateState.STABLE
    hand.wave("bell", 0.8, at=60_000)
    made = hand.wave("siren", 0.8, at=60_000)
    assert kinds(made) == [Kind.TRANSITION, Kind.ESCALATION]


def test_without_habituation_the_same_murmur_holds_the_gate_open(hand: Hand) -> None:
    hand.rules(region="math", tau_ms=300, habituation=0.0)
    murmur(hand, witnesses=20, until=60_000, low=0.1, high=0.2)
    assert hand.state_of() is GateState.OPEN


def test_a_witness_that_was_loud_for_an_hour_is_still_heard_when_it_changes(hand: Hand) -> None:
    for at in range(0, 3_600_000, 1_000):
        hand.wave("drill", 0.6, at=at)
    hand.wave("bell", 0.6, at=3_600_000)
    assert hand.state_of() is GateState.STABLE
    for at in range(3_600_200, 3_603_200, 200):
        hand.wave("drill", 0.99, at=at)
        hand.wave("bell", 0.6, at=at)
    assert hand.state_of() is GateState.OPEN


def test_a_wave_that_is_said_twice_counts_once(hand: Hand) -> None:
    hand.wave("math", 0.4, at=0, id="once")
    before = hand.state.gates["real", "math"].read(START_MS + 1_000)
    hand.wave("math", 0.9, at=1_000, id="once")
    assert hand.state.gates["real", "math"].read(START_MS + 1_000) == before
    assert hand.state.gardens["real"].duplicates == 1
    hand.wave("calculate", 0.4, at=1_000, id="once")
    assert hand.state.gardens["real"].duplicates == 1


def test_a_cell_with_a_bad_clock_does_not_carry_its_garden_away(hand: Hand) -> None:
    for at in range(0, 10_000, 500):
        hand.wave("sane", 0.2, garden="virtual", observed=at)
        hand.wave("sound", 0.2, garden="virtual", observed=at)
        hand.wave("mad", 0.9, garden="virtual", observed=at + 86_400_000)
    garden = hand.state.gardens["virtual"]
    assert garden.now_ms == START_MS + 9_500
    assert garden.future > 0
    assert garden.late == 0


def test_a_leap_that_two_cells_make_is_a_leap_and_loses_no_wave(hand: Hand) -> None:
    hand.wave("a", 0.1, garden="virtual", observed=0)
    hand.wave("b", 0.1, garden="virtual", observed=0)
    assert hand.wave("a", 0.6, garden="virtual", observed=3_600_000) == []
    made = hand.wave("b", 0.6, garden="virtual", observed=3_600_010)
    assert [wave.age_ms for wave in made[0].body.evidence] == [10, 0]


def test_one_cell_alone_may_leap_as_it_likes(hand: Hand) -> None:
    for hour in range(5):
        hand.wave("a", 0.6, garden="virtual", observed=hour * 3_600_000)
    assert hand.state.gardens["virtual"].now_ms == START_MS + 4 * 3_600_000


def test_a_founded_region_that_nobody_speaks_about_is_forgotten_aloud(hand: Hand) -> None:
    hand.wave("nose", 0.6, label="toast", at=0)
    hand.wave("math", 0.6, at=0)
    made = hand.wave("host_cpu", 0.1, label="load", at=4_000_000)
    assert [(decided.region, decided.body.cause) for decided in made] == [("toast", Cause.PRUNED)]
    assert sorted(region for _, region in hand.state.gates) == ["load", "math"]


def test_shadow_rules_tell_what_they_would_have_done_and_change_nothing(hand: Hand) -> None:
    hand.rules(region="math", threshold=0.2, shadow="on")
    hand.wave("math", 0.4, at=0)
    [tried] = hand.wave("calculate", 0.4, at=0)
    assert (tried.kind, tried.body.id, tried.body.to_state) == (Kind.SHADOW, "sh:real/math/4", GateState.OPEN)
    assert hand.state_of() is GateState.STABLE
    made = hand.wave("sum", 0.6, at=0)
    assert kinds(made) == [Kind.TRANSITION, Kind.ESCALATION]
    hand.outcome("confirmed", opening="tr:real/math/5")
    hand.rules(shadow="off")
    hand.wave("math", 0.4, at=100_000)
    assert hand.wave("calculate", 0.4, at=100_000) == []


def test_rules_go_back_to_what_they_were(hand: Hand) -> None:
    hand.rules(region="math", threshold=0.2)
    hand.rules(region="math", threshold=5.0, vocabulary={"sum": "totals"})
    hand.rules(rollback_to=2)
    assert hand.state.rules.of("math", "real").threshold == 0.2
    assert hand.state.rules.region_of("sum") == "math"
    hand.rules(rollback_to=3)
    assert hand.state.rules.region_of("sum") == "totals"
    hand.rules(rollback_to=4)
    assert hand.state.rules.of("math", "real").threshold == 0.2
    hand.rules(rollback_to=0)
    assert hand.state.rules.of("math", "real").threshold == 1.0
    with pytest.raises(RefusedError, match="rollback_to is 77"):
        hand.rules(rollback_to=77)
