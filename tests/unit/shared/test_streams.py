"""The declaration of streams and consumers, held to the subjects."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.v1.bus_memory import matches
from shared.v1.streams import DEAD, StreamSpec, streams_of
from shared.v1.subjects import ENVIRONMENTS, Kind, parse

SPECS = streams_of("dev")


def examples(spec: StreamSpec) -> list[str]:
    """A subject of ours for each pattern; that of waves takes any service, to refuse mistyped ones."""
    ours = [pattern.replace(".nervous.*.*.wave", ".nervous.cells.*.wave") for pattern in spec.subjects]
    return [pattern.replace("*", "math").replace(">", "a.b") for pattern in ours]


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_an_environment_keeps_only_its_own_subjects(env: str) -> None:
    assert {pattern.split(".")[0] for spec in streams_of(env) for pattern in spec.subjects} == {env}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_kept_subject_is_one_of_ours(spec: StreamSpec) -> None:
    assert all(parse(subject).env == "dev" for subject in examples(spec))


def test_no_subject_is_kept_twice() -> None:
    for one, other in combinations(SPECS, 2):
        for pattern in one.subjects:
            assert not any(matches(pattern, subject) for subject in examples(other)), (pattern, other.name)


def test_requests_and_responses_of_services_are_kept_by_no_stream() -> None:
    for subject in ("dev.nervous.cells.math.request", "dev.nervous.cells.math.response"):
        assert not any(matches(pattern, subject) for spec in SPECS for pattern in spec.subjects)


def test_every_stream_has_limits_and_every_consumer_gives_up_some_time() -> None:
    for spec in SPECS:
        assert spec.max_bytes > 0
        assert spec.max_age_s > 0
        for consumer in spec.consumers:
            assert consumer.stream == spec.name
            assert consumer.max_deliver > 1
            assert consumer.ack_wait_s > 0
            assert consumer.max_ack_pending > 0
            # What a consumer waits for must be kept by its stream.
            subject = consumer.filter.replace("*", "math")
            assert any(matches(pattern, subject) for pattern in spec.subjects)


def test_only_dead_letters_go_to_the_stream_of_dead_letters() -> None:
    dead = next(spec for spec in SPECS if spec.name == DEAD)
    assert {parse(subject).kind for subject in examples(dead)} == {Kind.DEAD}


@pytest.mark.parametrize(
    ("pattern", "subject", "covered"),
    [
        ("a.b", "a.b", True),
        ("a.*", "a.b", True),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("a.*.c", "a.b.c", True),
        ("a.b", "a.b.c", False),
    ],
)
def test_patterns_cover_what_a_server_says_they_cover(pattern: str, subject: str, covered: bool) -> None:
    assert matches(pattern, subject) is covered


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=5))
def test_everything_is_covered_by_itself_and_by_all(tokens: list[str]) -> None:
    subject = ".".join(tokens)
    assert matches(subject, subject)
    assert matches(">", subject)
    assert matches(".".join("*" for _ in tokens), subject)
