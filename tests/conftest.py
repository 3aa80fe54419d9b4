"""Fixtures for all tiers: a real, private nats-server for each test that asks for one."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.embedded import EmbeddedNats
from shared.v1.settings import Settings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person who runs the tests has set must not reach the code under test."""
    for name in ("NATS_URL", "NATS_CREDS", "OLLAMA_HOST"):
        monkeypatch.delenv(name, raising=False)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[EmbeddedNats]:
    """A private server on a free port, with its data in the test's folder."""
    server = EmbeddedNats(tmp_path / "nats")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def settings(nats_server: EmbeddedNats) -> Settings:
    """Settings that point to the private server."""
    return Settings(nats_url=nats_server.url)
