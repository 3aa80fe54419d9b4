"""Contexts of the nats CLI: what is understood, and what is refused by name."""

from pathlib import Path

import pytest

from console import contexts
from console.exits import CommandError, Exit
from tests.unit.console.conftest import WriteContext


def test_a_context_without_credentials_is_its_address(write_context: WriteContext) -> None:
    write_context("lab", description="the lab", url="nats://lab:4222", token="", user="", password="")
    found = contexts.named("lab")
    assert (found.url, found.creds) == ("nats://lab:4222", "")


def test_user_and_password_go_into_every_address(write_context: WriteContext) -> None:
    write_context("lab", url="nats://a:1,b:2", user="nyx", password="p@ss%w:rd")
    assert contexts.named("lab").url == "nats://nyx:p@ss%w:rd@a:1,nats://nyx:p@ss%w:rd@b:2"


def test_a_token_is_a_user_without_a_password(write_context: WriteContext) -> None:
    write_context("lab", url="nats://a:1", token="s3cret")
    assert contexts.named("lab").url == "nats://s3cret@a:1"


def test_a_login_in_the_address_is_kept(write_context: WriteContext) -> None:
    write_context("lab", url="nats://me:mine@a:1", user="nyx", password="other")
    assert contexts.named("lab").url == "nats://me:mine@a:1"


def test_a_credentials_file_may_be_under_home(
    write_context: WriteContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/nyx")
    write_context("lab", url="nats://a:1", creds="~/nyx.creds")
    assert contexts.named("lab").creds == "/home/nyx/nyx.creds"


@pytest.mark.parametrize(
    "field", ["nkey", "inbox_prefix", "cert", "jetstream_domain", "user_jwt", "socks_proxy"]
)
def test_what_is_not_supported_is_refused_by_name(write_context: WriteContext, field: str) -> None:
    write_context("lab", url="nats://a:1", **{field: "something"})
    with pytest.raises(CommandError, match=field) as refusal:
        contexts.named("lab")
    assert refusal.value.code is Exit.USAGE


def test_a_password_that_no_address_can_carry_is_refused(write_context: WriteContext) -> None:
    write_context("lab", url="nats://a:1", user="nyx", password="a/b")
    with pytest.raises(CommandError, match="credentials file"):
        contexts.named("lab")


def test_an_unknown_context_names_those_that_exist(write_context: WriteContext) -> None:
    write_context("home")
    write_context("lab")
    with pytest.raises(CommandError, match="there are home, lab"):
        contexts.named("moon")


@pytest.mark.parametrize("name", ["", "../lab", "a/b", ".."])
def test_a_name_with_a_path_in_it_is_refused(nats_config: Path, name: str) -> None:
    with pytest.raises(CommandError):
        contexts.named(name)


def test_a_context_that_is_no_json_says_which_file(nats_config: Path) -> None:
    (nats_config / "context" / "lab.json").write_text("{")
    with pytest.raises(CommandError, match=r"lab\.json"):
        contexts.named("lab")


def test_the_selected_context_is_the_one_in_the_file(nats_config: Path, write_context: WriteContext) -> None:
    assert contexts.selected() is None
    write_context("lab", url="nats://lab:4222")
    (nats_config / "context.txt").write_text("lab\n")
    selected = contexts.selected()
    assert selected is not None
    assert selected.name == "lab"
