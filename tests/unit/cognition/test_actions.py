import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cognition.function_gemma.actions import actions_of
from shared.v1.messages import Action
from tests.unit.cognition.builders import QUESTION, WHEELS, catalogue, escalation, sensed, unit

SUM = {"operation": "add", "operands": [1, 2]}
PRODUCT = {"operation": "multiply", "operands": [1, 2]}


def test_the_textbook_waves_offer_to_compute_to_answer_and_to_observe() -> None:
    both = [sensed(QUESTION), sensed(QUESTION, 2, witness="adder", confidence=0.5)]
    compute, answer, observe = actions_of(escalation(), both, catalogue())
    assert (compute.id, answer.id, observe.id) == ("math.compute", "math.answer", "observe")
    # 0.8 : 0.8 · ½ : 1 − 0.8
    assert [a.confidence for a in (compute, answer, observe)] == pytest.approx([4 / 7, 2 / 7, 1 / 7], abs=1e-6)
    assert compute.command is not None
    assert compute.command.model_dump() == {
        "target": "nervous.cells.math",
        "verb": "compute",
        "arguments": SUM | {"operands": [15, 27]},
        "id": "cm:real/math/17",
        "about": "rs:real/math/17",
    }
    assert observe.command is None


def the(action_id: str, actions: tuple[Action, ...]) -> Action:
    return next(action for action in actions if action.id == action_id)


def test_arguments_come_from_one_wave_never_from_two() -> None:
    halves = [sensed({"operation": "add"}), sensed({"operands": [1, 2]}, 2, witness="adder")]
    assert [action.id for action in actions_of(escalation(), halves, catalogue())] == ["observe"]


def test_what_more_witnesses_say_is_commanded() -> None:
    waves = [
        sensed(PRODUCT, 3, witness="c", confidence=0.7),
        sensed(SUM, 1, witness="a"),
        sensed(SUM, 2, witness="b"),
    ]
    command = the("math.compute", actions_of(escalation(), waves, catalogue())).command
    assert command is not None
    assert command.arguments == SUM


def test_a_witness_does_not_confirm_itself() -> None:
    once = actions_of(escalation(), [sensed(SUM)], catalogue())
    often = actions_of(escalation(), [sensed(SUM, seq) for seq in range(1, 9)], catalogue())
    assert once == often


def test_a_wave_that_denies_supports_nothing() -> None:
    waves = [sensed(SUM, valence=-1.0)]
    assert actions_of(escalation(), waves, catalogue()) == (Action(id="observe", confidence=1.0),)


def test_a_verb_that_cognition_may_not_command_is_not_offered() -> None:
    ids = {action.id for action in actions_of(escalation(), [sensed({})], catalogue())}
    assert "math.forget" not in ids


def test_a_unit_that_does_not_speak_of_the_region_is_not_asked() -> None:
    speech = escalation().model_copy(update={"region": "speech"})
    assert [action.id for action in actions_of(speech, [sensed(SUM)], catalogue())] == ["observe"]


def test_motors_are_offered_in_the_real_garden_only() -> None:
    wheels = catalogue(unit(WHEELS))
    real = actions_of(escalation(), [sensed(None)], wheels)
    virtual = actions_of(escalation(garden="virtual"), [sensed(None)], wheels)
    assert [action.id for action in real] == ["wheels.stop", "observe"]
    assert [action.id for action in virtual] == ["observe"]


def test_a_command_goes_before_observing_when_they_are_equally_likely() -> None:
    actions = actions_of(escalation(confidence=0.5), [sensed(SUM, confidence=0.5)], catalogue())
    assert [(action.id, action.confidence) for action in actions] == [("math.compute", 0.5), ("observe", 0.5)]


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(["a", "b", "c"]), st.sampled_from([SUM, PRODUCT, None]))
    ),
    st.floats(0, 1),
)
def test_priors_are_shares_and_the_likeliest_stands_first(
    waves: list[tuple[float, str, dict[str, object] | None]], confidence: float
) -> None:
    heard = [sensed(payload, seq, witness=who, confidence=c) for seq, (c, who, payload) in enumerate(waves, 1)]
    actions = actions_of(escalation(confidence=confidence), heard, catalogue())
    shares = [action.confidence for action in actions]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert shares == sorted(shares, reverse=True)
    assert "observe" in {action.id for action in actions}
