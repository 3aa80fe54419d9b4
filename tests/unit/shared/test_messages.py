"""Messages: one JSON form each, frozen, and refused in sentences."""

import inspect
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.v1 import messages
from shared.v1.errors import RefusedError
from shared.v1.messages import (
    CognitiveRequest,
    Command,
    ExplainQuestion,
    RuleChange,
    Tick,
    VerificationOutcome,
    WaveSignal,
    Wire,
)
from shared.v1.messages.base import json_object
from shared.v1.states import Outcome

ALL = [
    kind
    for name, kind in vars(messages).items()
    if inspect.isclass(kind) and issubclass(kind, Wire) and kind is not Wire
]


def a_wave(**fields: object) -> WaveSignal:
    return WaveSignal.from_fields(
        {"id": "w", "source": "math", "semantic": "math", "confidence": 0.5, **fields}
    )


def test_the_canonical_form_has_the_fields_in_order_without_blanks() -> None:
    assert a_wave().to_bytes() == (
        b'{"id":"w","source":"math","semantic":"math","confidence":0.5,"valence":1.0,"observed_at":null,'
        b'"garden":"real","payload":null,"lifeforce_cost":0.0,"synthetic":false,"schema":1}'
    )


def test_the_same_moment_in_another_zone_gives_the_same_bytes() -> None:
    assert (
        a_wave(observed_at="2026-01-31T14:00:00+02:00").to_bytes()
        == a_wave(observed_at=datetime(2026, 1, 31, 12, tzinfo=UTC)).to_bytes()
    )


def test_a_moment_that_has_no_utc_is_refused() -> None:
    with pytest.raises(RefusedError, match="observed_at is"):
        a_wave(observed_at="0001-01-01T00:00:00+05:00")


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        a_wave().confidence = 1.0  # type: ignore[misc]


def test_a_payload_that_is_not_a_number_is_refused_and_not_turned_into_null() -> None:
    with pytest.raises(RefusedError, match="payload"):
        a_wave(payload={"temperature": float("nan")})


def test_a_field_inside_another_is_named_by_its_path() -> None:
    with pytest.raises(
        RefusedError, match=r"vocabulary\.sum is \"Not a token\": it must be an object from labels"
    ):
        RuleChange.from_fields({"vocabulary": {"sum": "Not a token"}})


def test_a_long_wrong_value_is_quoted_only_in_part() -> None:
    with pytest.raises(RefusedError) as refusal:
        a_wave(confidence="x" * 10_000)
    assert len(refusal.value.reason) < 200


def test_a_list_that_must_not_be_empty_says_so() -> None:
    with pytest.raises(RefusedError, match=r"actions is \[\]: it must be what may be done, most likely first"):
        CognitiveRequest.from_fields(
            {
                **dict.fromkeys(("id", "escalation", "transition", "event", "region", "suggested"), "x"),
                "garden": "real",
                "confidence": 0.5,
                "actions": [],
                "rendered_by": "rules",
                "budget": 1,
                "deadline": "2026-01-31T12:00:00Z",
            }
        )


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_message_and_every_field_is_described(kind: type[Wire]) -> None:
    assert kind.__doc__
    assert [name for name, field in kind.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("kind", [VerificationOutcome, RuleChange, Tick, ExplainQuestion])
def test_the_example_of_a_message_that_people_type_is_one(kind: type[Wire]) -> None:
    assert isinstance(kind.from_bytes(kind.example.encode()), kind)


def test_a_body_that_is_wrong_shows_the_example_of_its_own_message() -> None:
    with pytest.raises(RefusedError, match=r"for example \{\"outcome\": \"confirmed\"\}"):
        VerificationOutcome.from_bytes(b"")
    with pytest.raises(RefusedError, match=r"send a JSON object$"):
        Command.from_bytes(b"")


@given(
    outcome=st.sampled_from(Outcome),
    about=st.text(max_size=256),
    detail=st.text(max_size=2000),
    garden=st.sampled_from(["real", "virtual", "virtual.run-1"]),
)
def test_a_message_survives_the_way_over_the_wire(
    outcome: Outcome, about: str, detail: str, garden: str
) -> None:
    said = VerificationOutcome(outcome=outcome, about=about, detail=detail, garden=garden)
    assert VerificationOutcome.from_bytes(said.to_bytes()) == said


@given(st.dictionaries(st.text(max_size=10), st.integers(-(10**30), 10**30), max_size=5))
def test_a_json_object_is_decoded_as_python_would(fields: dict[str, int]) -> None:
    assert json_object(json.dumps(fields).encode()) == fields
