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


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What goes to stderr while the test runs; the handlers are put back after it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def test_a_machine_gets_one_json_object_per_record(written: io.StringIO) -> None:
    logs.configure("info", source="math")
    logging.getLogger("cells").info(
        "gate opened", extra={"action": "open", "value": 0.5, "by": ValueError("x")}
    )
    [line] = written.getvalue().splitlines()
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


def test_a_value_named_like_a_part_of_the_line_does_not_replace_it(written: io.StringIO) -> None:
    logs.configure("info", source="math")
    logging.getLogger("cells").warning("heard", extra={"source": "other", "level": "none"})
    record = json.loads(written.getvalue())
    assert (record["source"], record["level"]) == ("math", "warning")


def test_a_traceback_is_a_value_and_not_more_lines(written: io.StringIO) -> None:
    logs.configure("info", source="math")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("cells").exception("sensing failed")
    [line] = written.getvalue().splitlines()
    assert "ValueError: broken" in json.loads(line)["traceback"]


def test_a_person_gets_short_lines(monkeypatch: pytest.MonkeyPatch, written: io.StringIO) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    logs.configure("info", source="math")
    logging.getLogger("cells").info("gate opened", extra={"action": "open"})
    line = terminal.getvalue()
    assert line.endswith("info    math gate opened action=open\n")
    assert written.getvalue() == ""


def test_less_than_the_level_is_not_written(written: io.StringIO) -> None:
    logs.configure("error", source="math")
    logging.getLogger("cells").warning("not so bad")
    assert written.getvalue() == ""


def test_a_value_that_is_no_text_for_a_terminal_is_written_all_the_same(written: io.StringIO) -> None:
    logs.configure("info", source="math")
    logging.getLogger("cells").info("heard", extra={"text": "ünïcode \ud800"})
    assert json.loads(written.getvalue())["text"].startswith("ünïcode")
