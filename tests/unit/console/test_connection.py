"""Which server a command talks to: the order of what was said."""

from pathlib import Path

import pytest

from console.connection import settings_of, told_settings
from console.exits import CommandError
from console.options import Where
from shared.v1.settings import DEFAULT_NATS_URL
from tests.unit.console.conftest import WriteContext


@pytest.fixture
def everything_said(
    nats_config: Path, write_context: WriteContext, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    for name in ("named", "variable", "selected"):
        write_context(name, url=f"nats://{name}:1")
    (nats_config / "context.txt").write_text("selected")
    monkeypatch.setenv("NATS_URL", "nats://url-variable:1")
    monkeypatch.setenv("NATS_CONTEXT", "variable")
    return monkeypatch


def test_the_option_goes_before_all_else(everything_said: pytest.MonkeyPatch) -> None:
    where = Where(nats_url="nats://option:1", context="named")
    assert settings_of(where).nats_url == "nats://option:1"


def test_then_come_the_variable_the_contexts_and_the_default(
    everything_said: pytest.MonkeyPatch, nats_config: Path
) -> None:
    assert settings_of(Where(context="named")).nats_url == "nats://url-variable:1"
    everything_said.delenv("NATS_URL")
    assert settings_of(Where(context="named")).nats_url == "nats://named:1"
    assert settings_of(Where()).nats_url == "nats://variable:1"
    everything_said.delenv("NATS_CONTEXT")
    assert settings_of(Where()).nats_url == "nats://selected:1"
    (nats_config / "context.txt").unlink()
    assert settings_of(Where()).nats_url == DEFAULT_NATS_URL


def test_only_what_was_said_now_keeps_up_from_embedding_a_server(
    everything_said: pytest.MonkeyPatch,
) -> None:
    assert told_settings(Where()) is not None
    everything_said.delenv("NATS_URL")
    assert told_settings(Where()) is not None
    everything_said.delenv("NATS_CONTEXT")
    assert told_settings(Where()) is None


def test_the_environment_comes_from_the_option(nats_config: Path) -> None:
    assert settings_of(Where(env="staging")).env == "staging"


def test_a_credentials_file_must_exist(nats_config: Path, write_context: WriteContext) -> None:
    write_context("lab", url="nats://a:1", creds="/nowhere/nyx.creds")
    with pytest.raises(CommandError, match=r"/nowhere/nyx\.creds"):
        settings_of(Where(context="lab"))


def test_a_wrong_variable_is_named(nats_config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIMMERVERSE_HTTP_PORT", "http")
    with pytest.raises(CommandError, match="NIMMERVERSE_HTTP_PORT"):
        settings_of(Where())
