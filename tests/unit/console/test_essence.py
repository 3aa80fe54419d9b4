"""One line per message: what it says, and that no stranger's text can do anything."""

import json

import pytest

from console.essence import MAX_CHARACTERS, colour_of, essence

WAVE = "dev.nervous.cells.math.wave"


def _told(subject: str, **fields: object) -> str:
    return essence(subject, json.dumps(fields).encode())


def test_a_wave_tells_label_confidence_valence_and_payload() -> None:
    assert _told(WAVE, confidence=0.6) == "0.60"
    told = _told(WAVE, semantic="calculate", confidence=0.5, valence=-1, payload={"a": 1})
    assert told == 'calculate 0.50  valence -1.00  {"a":1}'


def test_a_transition_tells_states_cause_and_witnesses() -> None:
    told = _told(
        "dev.nervous.thalamus.math.transition",
        from_state=0,
        to_state=1,
        cause="collapse",
        correlation=1.3639,
        confidence=0.8,
        evidence=[{"witness": "math", "confidence": 0.6}],
    )
    assert told == "STABLE → OPEN  collapse  S 1.36  confidence 0.80  by math 0.60"


def test_a_decision_tells_its_action_and_who_decided() -> None:
    told = _told(
        "dev.cognitive.nyx.response", decision="math.compute", confidence=0.93, decided_by="model", answer="42"
    )
    assert told == "math.compute 0.93  by model  42"


def test_the_answer_of_a_unit_is_shown_as_it_is() -> None:
    assert _told("dev.nervous.cells.math.response", result="42") == '{"result":"42"}'


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[1, 2]", b"null", b'{"confidence": "high"}', b"[" * 100_000, b'"\\ud800"']
)
def test_a_body_that_is_not_what_its_subject_promises_is_shown_anyway(body: bytes) -> None:
    told = essence(WAVE, body)
    assert told.isprintable()
    assert len(told) <= MAX_CHARACTERS


def test_control_characters_reach_no_terminal() -> None:
    told = _told(WAVE, semantic="\x1b[2J\n\u202e", confidence=1)
    assert told.isprintable()


def test_a_long_payload_is_cut() -> None:
    assert len(_told(WAVE, confidence=1, payload="x" * 10_000)) == MAX_CHARACTERS


def test_a_domain_has_a_colour_and_anything_else_has_none() -> None:
    assert colour_of(WAVE) == "cyan"
    assert colour_of("dev") == colour_of("_INBOX.abc.def") == "default"
