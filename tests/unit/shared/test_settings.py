"""Settings: from the environment, and a wrong one is named by its variable."""

import pytest
from pydantic import ValidationError

from shared.v1.errors import RefusedError
from shared.v1.settings import DEFAULT_NATS_URL, Settings, load, redacted


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "ENV",
        "NATS_URL",
        "NATS_CREDS",
        "LOG_LEVEL",
        "HTTP_PORT",
        "HEARTBEAT_S",
        "DRAIN_S",
        "INSTANCE",
    ):
        monkeypatch.delenv(f"NIMMERVERSE_{name}", raising=False)


def test_without_variables_a_process_is_in_dev_on_this_machine() -> None:
    settings = load(Settings)
    assert (settings.env, settings.nats_url, settings.http_port) == ("dev", DEFAULT_NATS_URL, 0)


def test_our_own_variables_win_over_the_common_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_URL", "nats://common:4222")
    assert load(Settings).nats_url == "nats://common:4222"
    monkeypatch.setenv("NIMMERVERSE_NATS_URL", "nats://ours:4222")
    assert load(Settings).nats_url == "nats://ours:4222"


def test_a_process_does_not_change_its_mind() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load(Settings).env = "prod"  # type: ignore[misc]


@pytest.mark.parametrize(
    "url",
    ["nats://a:4222", "a", "a:4222", "tls://a", "nats://u:p@a:1, nats://b:2", "ws://[::1]:80", "nats://a"],
)
def test_addresses_of_servers_are_taken_in_every_usual_form(url: str) -> None:
    assert Settings(nats_url=url).nats_url == url


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("NIMMERVERSE_ENV", "production", "NIMMERVERSE_ENV is 'production': it must be dev, staging or prod"),
        ("NIMMERVERSE_ENV", "", "NIMMERVERSE_ENV is '': it must be dev, staging or prod"),
        (
            "NATS_URL",
            "http://a",
            "NATS_URL is 'http://a': it must be addresses of NATS servers with commas between them, "
            "for example nats://127.0.0.1:4222",
        ),
        (
            "NIMMERVERSE_NATS_URL",
            "nats://me:secret@a:99999",
            "NIMMERVERSE_NATS_URL is 'nats://***@a:99999': it must be addresses of NATS servers with commas "
            "between them, for example nats://127.0.0.1:4222",
        ),
        (
            "NIMMERVERSE_HTTP_PORT",
            "eighty",
            "NIMMERVERSE_HTTP_PORT is 'eighty': it must be a port up to 65535 for /livez, /readyz and "
            "/metrics; 0 is none",
        ),
        (
            "NIMMERVERSE_HEARTBEAT_S",
            "0",
            "NIMMERVERSE_HEARTBEAT_S is '0': it must be seconds between heartbeats: more than 0, at most 300",
        ),
        (
            "NIMMERVERSE_INSTANCE",
            "Pod.7",
            "NIMMERVERSE_INSTANCE is 'Pod.7': it must be a name of a-z, 0-9, _ and - for this replica",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_variable_and_what_it_must_be(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(RefusedError) as refusal:
        load(Settings)
    assert refusal.value.reason == sentence


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://a:4222", "nats://a:4222"),
        ("nats://token@a", "nats://***@a"),
        ("nats://u:p@a:1,tls://v:q@b", "nats://***@a:1,tls://***@b"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown
