"""A configuration folder of the nats CLI, of our own."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

WriteContext = Callable[..., None]


@pytest.fixture
def nats_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty configuration folder; nothing is said about servers in the environment."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("NATS_CONTEXT", "NIMMERVERSE_NATS_URL", "NIMMERVERSE_ENV", "NIMMERVERSE_NATS_CREDS"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "nats"
    (folder / "context").mkdir(parents=True)
    return folder


@pytest.fixture
def write_context(nats_config: Path) -> WriteContext:
    """Writes one context as the nats CLI does."""

    def write(name: str, **fields: object) -> None:
        (nats_config / "context" / f"{name}.json").write_text(json.dumps(fields))

    return write
