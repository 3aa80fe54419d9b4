"""Logs: one JSON object per line for machines, one short line for people."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from shared.v1 import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The handlers of the test run are put back."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_a_machine_gets_one_json_object_per_record(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", source="math")
    logging.getLogger("cells").info(
        "gate opened", extra={"action": "open", "value": 0.5, "by": ValueError("x")}
    )
    [line] = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert record.pop("at").endswith("+00:00")
    assert record == {
        "level": "info",
        "source": "math",
        "message": "gate opened",
        "action": "open",
        "value": 0.5,
        "by": "x",
    }


def test_a_value_named_like_a_part_of_the_line_does_not_replace_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", source="math")
    logging.getLogger("cells").warning("heard", extra={"source": "other", "level": "none"})
    record = json.loads(capsys.readouterr().err)
    assert (record["source"], record["level"]) == ("math", "warning")


def test_a_traceback_is_a_value_and_not_more_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", source="math")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("cells").exception("sensing failed")
    [line] = capsys.readouterr().err.splitlines()
    assert "ValueError: broken" in json.loads(line)["traceback"]


def test_a_person_gets_short_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    logs.configure("info", source="math")
    logging.getLogger("cells").info("gate opened", extra={"action": "open"})
    line = terminal.getvalue()
    assert line.endswith("info    math gate opened action=open\n")


def test_less_than_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("error", source="math")
    logging.getLogger("cells").warning("not so bad")
    assert capsys.readouterr().err == ""


def test_a_value_that_cannot_be_encoded_is_written_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stderr = io.TextIOWrapper(raw, "utf-8", errors="backslashreplace")  # as Python opens the real one
    monkeypatch.setattr("sys.stderr", stderr)
    logs.configure("info", source="math")
    logging.getLogger("cells").info("heard", extra={"text": "ünïcode \ud800"})
    stderr.flush()
    assert json.loads(raw.getvalue())["text"] == "ünïcode \ud800"
