import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cognition.model import ModelError
from cognition.nyx.deciding import Options, eligible, prompt_of
from shared.v1.messages import Action, CognitiveRequest, Command, Fact
from shared.v1.states import Decider
from tests.unit.cognition.builders import QUESTION, catalogue

ADD = Command(target="nervous.cells.math", verb="compute", arguments={"operation": "add", "operands": [15, 27]})
COMPUTE = Action(id="math.compute", confidence=0.6, command=ADD)
OBSERVE = Action(id="observe", confidence=0.2)


def request(*actions: Action, **fields: Any) -> CognitiveRequest:
    given: dict[str, Any] = {
        "id": "rq:real/math/17",
        "escalation": "es:real/math/17",
        "transition": "tr:real/math/17",
        "event": "calculate",
        "region": "math",
        "garden": "real",
        "confidence": 0.8,
        "actions": actions or (COMPUTE, OBSERVE),
        "suggested": "observe",
        "rendered_by": Decider.RULES,
        "budget": 4000.0,
        "deadline": datetime(2026, 1, 31, tzinfo=UTC),
    }
    return CognitiveRequest.model_validate(given | fields)


def test_only_commands_that_a_manifest_accepts_may_be_chosen() -> None:
    forged = [
        Action(id="a", confidence=0.9, command=ADD.model_copy(update={"target": "nervous.cells.bomb"})),
        Action(id="b", confidence=0.9, command=ADD.model_copy(update={"arguments": {"operation": "rm"}})),
    ]
    actions, faults = eligible(request(*forged, COMPUTE, OBSERVE, OBSERVE), catalogue())
    assert [action.id for action in actions] == ["math.compute", "observe"]
    assert [fault.split(":")[0] for fault in faults] == ["a", "b", "observe"]


def test_the_prior_decides_among_what_is_left() -> None:
    decision = Options(actions=(COMPUTE, OBSERVE)).by_rules()
    assert (decision.action.id, decision.confidence) == ("math.compute", 0.75)


def test_a_model_weighs_as_naive_bayes_says() -> None:
    decision = Options(actions=(COMPUTE, OBSERVE)).weighed_with(1, lift=0.1)
    # 0.75 · 0.4 : 0.25 · 0.6
    assert (decision.action.id, decision.confidence) == ("math.compute", pytest.approx(2 / 3, abs=1e-6))


def test_one_action_can_be_asked_for_by_its_name() -> None:
    options = Options(actions=(COMPUTE, OBSERVE))
    observed = options.only("observe")
    assert observed is not None
    assert (observed.action, observed.confidence) == (OBSERVE, 0.25)
    assert options.only("sleep") is None


def said(**fields: object) -> str:
    return json.dumps(fields)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.text(max_size=20), min_size=1, max_size=6, unique=True), st.text(max_size=40))
def test_a_model_can_say_nothing_but_the_offered_ids(ids: list[str], noise: str) -> None:
    options = Options(actions=tuple(Action(id=name, confidence=0.5) for name in ids))
    jsonschema.Draft202012Validator.check_schema(options.schema)
    for position, name in enumerate(ids):
        assert options.parse(said(action=name)) == position
    for wrong in (noise, said(action=noise + "!"), said(action=ids[0], more=1)):
        if noise + "!" not in ids:
            with pytest.raises(ModelError):
                options.parse(wrong)


def test_in_the_prompt_stands_only_quoted_what_waves_said() -> None:
    facts = tuple(
        Fact(name=name, value=value, wave="w1", witness="math", confidence=0.6)
        for name, value in QUESTION.items()
    )
    assert prompt_of(request(facts=facts)) == (
        'region math; gate open 0.80; event "calculate"; facts "text" "what is 15 plus 27?", '
        '"operation" "add", "operands" [15,27]\naction:'
    )
    assert prompt_of(request()).endswith("facts none\naction:")
