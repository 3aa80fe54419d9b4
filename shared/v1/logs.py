"""Logs: JSON lines when a machine reads them, short lines when a person does.

A record has a fixed message and its values apart: `log.info("gate opened", extra={"action": "open", …})`.
"""

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _values(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class _JsonFormatter(logging.Formatter):
    def __init__(self, source: str) -> None:
        super().__init__()
        self._source = source

    def format(self, record: logging.LogRecord) -> str:
        frame: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "source": self._source,
            "message": record.getMessage(),
        }
        line = {**frame, **_values(record), **frame}  # the frame comes first, and no value replaces it
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class _LineFormatter(logging.Formatter):
    def __init__(self, source: str) -> None:
        super().__init__()
        self._source = source

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        values = " ".join(f"{key}={value}" for key, value in _values(record).items())
        text = f"{clock} {record.levelname.lower():7} {self._source} {record.getMessage()} {values}".rstrip()
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def configure(level: str, *, source: str) -> None:
    """Send all records to stderr; `source` names this process in each line."""
    handler = logging.StreamHandler()
    handler.setFormatter(_LineFormatter(source) if sys.stderr.isatty() else _JsonFormatter(source))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # nats-py and transitions repeat on INFO what we log ourselves.
    for chatty in ("nats", "transitions", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
