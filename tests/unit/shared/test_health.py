"""Health: probes are answered from a thread of its own, whoever else is connected."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from shared.v1 import health
from shared.v1.errors import RefusedError
from shared.v1.health import Health


class Asked:
    """A health server, what it waits for, and a way to ask it."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        Counter("nimmerverse_waves", "Waves", registry=registry).inc(3)
        self.waits = ""
        self.health = Health(registry, lambda: self.waits)
        self.port = self.health.start("127.0.0.1", 0)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture
def asked() -> Iterator[Asked]:
    made = Asked()
    yield made
    made.health.stop()


def test_a_process_that_is_well_says_ok(asked: Asked) -> None:
    assert asked.get("/livez") == (200, "ok\n")
    assert asked.get("/readyz") == (200, "ok\n")


def test_a_process_that_is_not_ready_says_what_it_waits_for(asked: Asked) -> None:
    asked.waits = "starting: waits for the stream"
    assert asked.get("/readyz") == (503, "starting: waits for the stream\n")
    assert asked.get("/livez") == (200, "ok\n")


def test_an_event_loop_that_hangs_is_not_alive(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_HANGS_AFTER_S", 0.0)
    status, text = asked.get("/livez")
    assert status == 503
    assert "silent for" in text


def test_metrics_are_told_in_the_form_of_prometheus(asked: Asked) -> None:
    status, text = asked.get("/metrics")
    assert status == 200
    assert "nimmerverse_waves_total 3.0" in text


def test_another_path_hears_which_there_are(asked: Asked) -> None:
    assert asked.get("/") == (404, "there are /livez, /readyz and /metrics\n")


def test_who_connects_and_says_nothing_holds_up_nobody(asked: Asked) -> None:
    with (
        socket.create_connection(("127.0.0.1", asked.port)),
        socket.create_connection(("127.0.0.1", asked.port)),
    ):
        assert asked.get("/livez") == (200, "ok\n")


def test_a_port_that_is_taken_is_refused_with_the_variable_to_set(asked: Asked) -> None:
    with pytest.raises(RefusedError, match="NIMMERVERSE_HTTP_PORT"):
        Health(CollectorRegistry(), str).start("127.0.0.1", asked.port)


def test_stopping_what_never_listened_is_harmless() -> None:
    Health(CollectorRegistry(), str).stop()
