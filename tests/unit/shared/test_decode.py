"""From bytes to inputs: what is filled in, and one sentence for every mistake."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.v1.bus import Stored
from shared.v1.decode import MAX_BODY, decode, decode_wave
from shared.v1.errors import RefusedError
from shared.v1.messages import RuleChange, Tick, VerificationOutcome, WaveSignal
from shared.v1.states import Outcome
from shared.v1.subjects import Kind

WAVE = "dev.nervous.cells.math.wave"
INPUTS = [
    WAVE,
    "dev.organs.vision.wave",
    "dev.nervous.outcomes.math",
    "dev.nervous.thalamus.rules",
    "dev.nervous.thalamus.tick",
]


def stored(
    body: bytes | str, subject: str = WAVE, headers: dict[str, str] | None = None, seq: int = 7
) -> Stored:
    raw = body if isinstance(body, bytes) else body.encode()
    return Stored(subject=subject, body=raw, headers=headers or {}, stream="SENSES", seq=seq, at_ms=1)


def refusal_of(message: Stored) -> str:
    with pytest.raises(RefusedError) as refusal:
        decode(message)
    return refusal.value.reason


def test_a_number_is_enough_for_a_wave() -> None:
    wave = decode_wave(stored('{"confidence": 0.6}'))
    assert wave == WaveSignal(
        id="SENSES:7", source="math", semantic="math", confidence=0.6, garden="real", synthetic=True
    )


def test_the_message_id_names_a_wave_that_names_itself_not() -> None:
    assert decode_wave(stored('{"confidence": 1}', headers={"Nats-Msg-Id": "mine"})).id == "mine"
    both = stored('{"confidence": 1, "id": "own"}', headers={"Nats-Msg-Id": "mine"})
    assert decode_wave(both).id == "own"


@pytest.mark.parametrize(
    ("source", "synthetic"),
    [("math/1.2.0/7f3a", False), ("math", True), ("math/1.2.0", True), ("math//7f3a", True)],
)
def test_a_wave_is_synthetic_unless_unit_version_and_instance_sign_it(source: str, synthetic: bool) -> None:
    body = json.dumps({"confidence": 0.5, "source": source})
    assert decode_wave(stored(body)).synthetic is synthetic


def test_a_signed_wave_may_say_that_it_is_synthetic() -> None:
    assert decode_wave(stored('{"confidence": 0.5, "source": "math/1.2.0/7f3a", "synthetic": true}')).synthetic


def test_unknown_fields_are_ignored() -> None:
    assert decode_wave(stored('{"confidence": 0.5, "colour": "red"}')).confidence == 0.5


def test_a_time_is_kept_in_utc_and_whole_milliseconds() -> None:
    wave = decode_wave(stored('{"confidence": 0.5, "observed_at": "2026-01-31T14:00:00.123999+02:00"}'))
    assert wave.observed_at is not None
    assert wave.observed_at.isoformat() == "2026-01-31T12:00:00.123000+00:00"


def test_other_inputs_are_told_apart_by_their_subjects() -> None:
    subject, outcome = decode(stored('{"outcome": "failed"}', "dev.nervous.outcomes.math"))
    assert (subject.kind, subject.region) == (Kind.OUTCOME, "math")
    assert isinstance(outcome, VerificationOutcome)
    assert outcome.outcome is Outcome.FAILED
    assert isinstance(decode(stored('{"threshold": 0.8}', "dev.nervous.thalamus.rules"))[1], RuleChange)
    assert isinstance(decode(stored("{}", "dev.nervous.thalamus.tick"))[1], Tick)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"confidence":7}', "confidence is 7: it must be a number from 0 to 1: how sure the witness is"),
        (
            '{"confidence":"0.6"}',
            'confidence is "0.6": it must be a number from 0 to 1: how sure the witness is',
        ),
        ('{"confidence":true}', "confidence is true: it must be a number from 0 to 1: how sure the witness is"),
        (
            '{"confidence":NaN}',
            "the body has a NaN or an Infinity (expected value at line 1 column 15), which is no JSON: "
            "send a number, or leave it out",
        ),
        ("{}", "confidence is missing: it must be a number from 0 to 1: how sure the witness is"),
        ("", 'the body is empty: send a JSON object, for example {"confidence": 0.6}'),
        ("  \n", 'the body is empty: send a JSON object, for example {"confidence": 0.6}'),
        ("[1]", 'the body is a JSON array: send an object, for example {"confidence": 0.6}'),
        ("0.6", 'the body is a JSON number: send an object, for example {"confidence": 0.6}'),
        ("null", 'the body is a JSON null: send an object, for example {"confidence": 0.6}'),
        (
            "{confidence: 0.6}",
            "the body is not JSON (key must be a string at line 1 column 2): "
            'send one JSON object in UTF-8, for example {"confidence": 0.6}',
        ),
        (
            '{"confidence": 0.6',
            "the body is not JSON (EOF while parsing an object at line 1 column 18): "
            'send one JSON object in UTF-8, for example {"confidence": 0.6}',
        ),
        (
            '{"confidence": 0.6, "payload": "\\ud800"}',
            "the body is not JSON (unexpected end of hex escape at line 1 column 39): "
            'send one JSON object in UTF-8, for example {"confidence": 0.6}',
        ),
        (
            '{"confidence": 0.6, "source": "other/1.0.0/a"}',
            f"source is 'other/1.0.0/a', but the subject '{WAVE}' speaks for 'math': "
            "let source begin with 'math', or publish on the subject of 'other'",
        ),
        (
            '{"confidence": 0.6, "source": null}',
            "source is null: it must be a text, UNIT/VERSION/INSTANCE, that begins with the subject's unit "
            "token; default: that token",
        ),
        (
            '{"confidence": 0.6, "observed_at": "2026-01-31T12:00:00"}',
            'observed_at is "2026-01-31T12:00:00": it must be a time with its zone, '
            "for example 2026-01-31T12:00:00.000Z",
        ),
        (
            '{"confidence": 0.6, "valence": -2, "garden": "moon"}',
            "valence is -2: it must be a number from -1 (denies) to +1 (asserts) (also wrong: garden)",
        ),
        (
            '{"confidence": 0.6, "semantic": " "}',
            'semantic is " ": it must be a label of 1 to 128 characters; default: the subject\'s unit token',
        ),
        ('{"confidence": 0.6, "schema": 2}', "schema is 2: it must be 1, the version of this message"),
        (
            '{"confidence": 1e999}',
            "confidence is Infinity: it must be a number from 0 to 1: how sure the witness is",
        ),
    ],
)
def test_each_mistake_of_a_researcher_gets_one_sentence_that_says_what_to_change(
    body: str, sentence: str
) -> None:
    assert refusal_of(stored(body)) == sentence


def test_a_huge_body_is_refused_by_its_size() -> None:
    body = b'{"confidence": 0.6, "payload": "' + b"x" * 900_000 + b'"}'
    with pytest.raises(RefusedError, match=f"send at most {MAX_BODY}") as refusal:
        decode(stored(body))
    assert refusal.value.code == 413


def test_a_payload_that_is_nested_ten_thousand_deep_is_told_so() -> None:
    body = b'{"confidence": 0.6, "payload": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    assert "nested too deep" in refusal_of(stored(body))


@pytest.mark.parametrize("digits", [400, 4_200, 5_000])
def test_a_huge_whole_number_is_refused_and_quoted_only_in_part(digits: int) -> None:
    reason = refusal_of(stored(b'{"confidence": 1' + b"0" * digits + b"}"))
    assert len(reason) < 300


def test_a_huge_whole_number_in_the_payload_survives_the_way_back() -> None:
    body = b'{"confidence": 0.5, "payload": 1' + b"0" * 4_000 + b"}"
    wave = decode_wave(stored(body))
    assert WaveSignal.from_bytes(wave.to_bytes()).payload == 10**4_000


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("dev.nervous.cells.Math.wave", "for example 'math'"),
        ("dev.nervous.cells.\ufffd.wave", "use 1 to 64 of a-z"),
        ("dev.nervous.thalamus.math.transition", "no input of the thalamus"),
    ],
)
def test_a_wrong_subject_is_refused_before_the_body_is_looked_at(subject: str, words: str) -> None:
    assert words in refusal_of(stored("not JSON", subject))


def test_an_empty_body_is_shown_an_example_of_what_the_subject_wants() -> None:
    assert '{"outcome": "confirmed"}' in refusal_of(stored("", "dev.nervous.outcomes.math"))
    assert '{"region": "math", "threshold": 0.8}' in refusal_of(stored("", "dev.nervous.thalamus.rules"))


def test_what_must_be_a_wave_and_is_none_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"SENSES:7 on 'dev\.nervous\.thalamus\.tick' is no wave"):
        decode_wave(stored("{}", "dev.nervous.thalamus.tick"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4)
    ),
    max_leaves=10,
)
CODES = {0, 400, 413, 422}
FIELDS = st.sampled_from(
    [*WaveSignal.model_fields, *RuleChange.model_fields, *VerificationOutcome.model_fields, "schema"]
)


def code_of(message: Stored) -> int:
    """0 if the message decodes, else the code of the refusal; every other error passes on."""
    try:
        decode(message)
    except RefusedError as refusal:
        return refusal.code if refusal.reason else -1
    return 0


@given(body=st.binary(max_size=200), subject=st.sampled_from(INPUTS))
def test_any_bytes_decode_or_are_refused(body: bytes, subject: str) -> None:
    assert code_of(stored(body, subject)) in CODES


@given(subject=st.text(max_size=60))
def test_any_subject_decodes_or_is_refused(subject: str) -> None:
    assert code_of(stored('{"confidence": 0.6}', subject)) in CODES


@given(
    fields=st.dictionaries(FIELDS, JSON, max_size=5),
    confidence=JSON | st.floats(0, 1),
    subject=st.sampled_from(INPUTS),
    headers=st.dictionaries(st.just("Nats-Msg-Id"), st.text(max_size=300)),
)
def test_any_values_of_known_fields_decode_or_are_refused(
    fields: dict[str, Any], confidence: Any, subject: str, headers: dict[str, str]
) -> None:
    body = json.dumps({**fields, "confidence": confidence}).encode(errors="surrogatepass")
    assert code_of(stored(body, subject, headers)) in CODES


@given(
    confidence=st.floats(0, 1),
    valence=st.floats(-1, 1),
    semantic=st.text(min_size=1, max_size=128).filter(str.strip),
    payload=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=10),
        lambda children: st.lists(children, max_size=3),
        max_leaves=5,
    ),
)
def test_a_decoded_wave_says_the_same_after_the_way_over_the_wire(
    confidence: float, valence: float, semantic: str, payload: Any
) -> None:
    fields = {"confidence": confidence, "valence": valence, "semantic": semantic, "payload": payload}
    wave = decode_wave(stored(json.dumps(fields)))
    again = decode_wave(stored(wave.to_bytes(), seq=8))
    assert again == wave
    assert again.to_bytes() == wave.to_bytes()
