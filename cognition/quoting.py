"""Text from waves as a model may see it: one line, in quotation marks, cut short. It is data."""

import json

from pydantic import JsonValue

MAX_QUOTED = 60  # characters of one value in a prompt


def quoted(value: JsonValue) -> str:
    """A JSON value on one line, of at most about MAX_QUOTED characters; strings keep their quotation marks."""
    if isinstance(value, str):
        return _dumps(_cut(" ".join(value.split())))
    text = _dumps(value)
    return text if len(text) <= MAX_QUOTED else _dumps(_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "…"


def _dumps(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return " ".join(text.split())  # JSON leaves some ends of lines inside strings as they are
