"""Subjects: what is built can be parsed, and what cannot be parsed is told in a sentence."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.v1 import subjects
from shared.v1.subjects import (
    DECISIONS,
    ENVIRONMENTS,
    GEMMA,
    MAX_TOKEN,
    NYX,
    THALAMUS,
    Address,
    Kind,
    Subject,
    SubjectError,
    is_token,
    parse,
    token_of,
)

TOKENS = st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True)
ENVS = st.sampled_from(ENVIRONMENTS)


@given(env=ENVS, service=st.sampled_from(["cells", "nerves"]), unit=TOKENS)
def test_the_wave_of_a_unit_parses_to_its_address(env: str, service: str, unit: str) -> None:
    address = Address("nervous", service, unit)
    assert parse(address.subject(env, "wave")) == Subject(env, Kind.WAVE, address)
    assert address.name == unit


@given(env=ENVS, organ=TOKENS)
def test_the_wave_of_an_organ_parses_to_its_address(env: str, organ: str) -> None:
    address = Address("organs", organ)
    assert parse(address.subject(env, "wave")) == Subject(env, Kind.WAVE, address)
    assert address.name == organ


@given(env=ENVS, region=TOKENS, kind=st.sampled_from(sorted(DECISIONS)))
def test_a_decision_parses_to_its_region(env: str, region: str, kind: Kind) -> None:
    assert parse(subjects.decision(env, region, kind)) == Subject(env, kind, THALAMUS, region)


@given(env=ENVS, region=TOKENS)
def test_an_outcome_parses_to_its_region(env: str, region: str) -> None:
    parsed = parse(subjects.outcome(env, region))
    assert (parsed.env, parsed.kind, parsed.region) == (env, Kind.OUTCOME, region)


@pytest.mark.parametrize("kind", [Kind.RULES, Kind.TICK])
def test_rules_and_ticks_are_spoken_on_behalf_of_the_thalamus(kind: Kind) -> None:
    assert parse(THALAMUS.subject("dev", kind.value)) == Subject("dev", kind, THALAMUS)


@pytest.mark.parametrize("address", [NYX, GEMMA, THALAMUS, Address("nervous", "cells", "math")])
@pytest.mark.parametrize("kind", [Kind.REQUEST, Kind.RESPONSE, Kind.REJECTED, Kind.HEARTBEAT])
def test_what_every_process_says_parses_to_its_address(address: Address, kind: Kind) -> None:
    assert parse(address.subject("prod", kind.value)) == Subject("prod", kind, address)


@given(env=ENVS, original=st.text(max_size=300), seq=st.integers(1, 2**63))
def test_a_dead_letter_has_a_subject_of_ours_whatever_was_refused(env: str, original: str, seq: int) -> None:
    subject = subjects.dead(env, original, "SENSES", seq)
    assert parse(subject).kind is Kind.DEAD
    assert subject.endswith(f".senses-{seq}")


def test_the_dead_letter_of_a_wave_stands_under_its_own_path() -> None:
    assert subjects.dead("dev", "dev.nervous.cells.Math.wave", "SENSES", 17) == (
        "dev.dead.nervous.cells.math.wave.senses-17"
    )


def test_the_subject_of_a_dead_letter_stays_short_enough_for_a_server() -> None:
    assert len(subjects.dead("dev", ".".join(["x" * 500] * 500), "SENSES", 1)) < 1200


@given(st.text(max_size=200))
def test_every_label_becomes_a_token_or_an_error(label: str) -> None:
    with contextlib.suppress(SubjectError):
        token = token_of(label)
        assert is_token(token)
        assert token_of(token) == token


def test_a_label_without_letters_and_digits_is_told_what_to_change() -> None:
    with pytest.raises(SubjectError, match="name it in a-z"):
        token_of("!?")


@pytest.mark.parametrize(
    ("label", "token"),
    [
        ("Obstacle left!", "obstacle-left"),
        ("  Sum ", "sum"),
        ("a.b", "a-b"),
        ("snake_case", "snake_case"),
        ("x" * 100, "x" * MAX_TOKEN),
        ("x" * 63 + "!y", "x" * 63),
    ],
)
def test_a_label_is_cut_and_cleaned_into_a_token(label: str, token: str) -> None:
    assert token_of(label) == token


@given(TOKENS)
def test_a_token_is_its_own_token_unless_it_begins_or_ends_with_a_dash(token: str) -> None:
    if token.strip("-") == token:
        assert token_of(token) == token


@given(st.text(max_size=100))
def test_parsing_any_text_gives_a_subject_or_a_subject_error(text: str) -> None:
    with contextlib.suppress(SubjectError):
        assert parse(text).env in ENVIRONMENTS


@pytest.mark.parametrize(
    ("subject", "sentence"),
    [
        ("dev.nervous.cells.Math.wave", r"token 'Math': use 1 to 64 of a-z.*for example 'math'"),
        ("dev.nervous.cells.a b.wave", r"token 'a b'.*for example 'a-b'"),
        ("dev.nervous.cells..wave", r"has the token ''"),
        ("", r"has the token ''"),
        ("lab.nervous.cells.math.wave", r"must begin with one of dev, staging, prod"),
        ("dev.nervous.cells.math", r"waves are published on dev\.nervous\.cells\.NAME\.wave"),
        ("dev.nervous.cells.math.wav", r"none of ours"),
        ("dev.a.b.c.d.request", r"none of ours"),
    ],
)
def test_a_subject_that_is_none_of_ours_is_told_what_to_change(subject: str, sentence: str) -> None:
    with pytest.raises(SubjectError, match=sentence):
        parse(subject)


def test_a_very_long_subject_is_quoted_only_in_part() -> None:
    with pytest.raises(SubjectError) as error:
        parse("X" * 100_000)
    assert len(str(error.value)) < 1000


def test_every_kind_is_the_last_token_of_some_subject() -> None:
    named = {kind.value for kind in Kind} - {"outcome", "dead"}
    assert all(re.fullmatch("[a-z]+", kind) for kind in named)
    assert {parse(f"dev.nervous.thalamus.math.{kind.value}").kind for kind in DECISIONS} == DECISIONS
