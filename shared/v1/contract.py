"""The published contract: JSON Schemas of all messages, and the AsyncAPI 3 document of all subjects.

Both are made from the models and the tables and kept in `docs/`, so that a change of the wire shows in a
diff. `python -m shared.v1.contract` writes them, `--check` fails if what is kept is not what would be written.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema

from shared.v1 import messages
from shared.v1.bus_memory import matches
from shared.v1.channels import CHANNELS, PARAMETERS, TAIL, Channel
from shared.v1.decode import FILLED_IN
from shared.v1.messages import WaveSignal, Wire
from shared.v1.settings import DEFAULT_NATS_URL
from shared.v1.streams import streams_of
from shared.v1.subjects import ENVIRONMENTS

DOCS = Path(__file__).parents[2] / "docs"
SCHEMAS = Path("schemas/v1")
ASYNCAPI = Path("asyncapi.json")
VERSION = "1.0.0"
"""Of the contract. Its major is that of the folder `v1`, within which fields are added and never removed."""

_INBOX = "inbox"
_UNIT_REQUEST, _UNIT_ANSWER = "UnitRequest", "UnitAnswer"
_HEADERS = {
    "Nats-Msg-Id": "a repeat of a message under one id is stored once",
    "traceparent": "the trace that the message belongs to, as W3C Trace Context writes it",
    "Nimmerverse-Answers": "the question that is answered, as STREAM:SEQUENCE",
    "Nimmerverse-Command": "the id of a command; a repeat under one id is carried out once",
}

Json = dict[str, Any]


def models() -> Sequence[type[Wire]]:
    """All messages, in order of name."""
    return [getattr(messages, name) for name in messages.__all__ if name != Wire.__name__]


def documents() -> Mapping[Path, str]:
    """Path below `docs/` → text, of everything that is generated."""
    schemas = {SCHEMAS / f"{model.__name__}.json": schema_of(model) for model in models()}
    return {path: _text(document) for path, document in {**schemas, ASYNCAPI: asyncapi()}.items()}


class _WithoutTitles(GenerateJsonSchema):
    """The name of a field is title enough."""

    def field_title_should_be_set(self, schema: CoreSchema) -> bool:
        return False


def schema_of(model: type[Wire]) -> Json:
    """The JSON Schema of what may be published, as people and other languages need it."""
    schema = model.model_json_schema(by_alias=True, schema_generator=_WithoutTitles)
    if model is WaveSignal:
        schema["required"] = [name for name in schema["required"] if name not in FILLED_IN]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"nimmerverse:v1:{model.__name__}",
        "title": model.__name__,
        "description": schema.pop("description"),
    }
    examples = {"examples": [json.loads(model.example)]} if model.example else {}
    return {**head, **examples, **schema}


def asyncapi() -> Json:
    """The AsyncAPI 3.0.0 document of one environment's bus."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "The Nimmerverse nervous system",
            "version": VERSION,
            "description": "What passes on the NATS bus of one environment. Cells say how sure they are of "
            "what they sense, the thalamus opens gates where independent cells agree, cognition decides.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "nats": {
                "host": "{address}",
                "protocol": "nats",
                "description": "A NATS server with JetStream: one, or one account, for each environment.",
                "variables": {
                    "address": {
                        "default": DEFAULT_NATS_URL.removeprefix("nats://"),
                        "description": "what NATS_URL or NIMMERVERSE_NATS_URL says",
                    }
                },
            }
        },
        "channels": {**{channel.name: _channel(channel) for channel in CHANNELS}, _INBOX: _inbox()},
        "operations": dict(sorted(_operations())),
        "components": {
            "messages": dict(sorted(_messages().items())),
            "parameters": {name: _parameter(name, text) for name, text in PARAMETERS.items()},
        },
    }


def pattern_of(channel: Channel, env: str) -> str:
    """The NATS pattern that covers a channel's subjects in one environment."""

    def wildcard(parameter: re.Match[str]) -> str:
        return {"env": env, TAIL: ">"}.get(parameter[1], "*")

    return re.sub(r"\{(\w+)\}", wildcard, channel.address)


def stream_of(channel: Channel) -> str:
    """The name of the stream that keeps a channel's messages, empty if none does."""
    env = ENVIRONMENTS[0]
    # A stream's pattern may be wider than a channel's, so an example is held against it.
    example = pattern_of(channel, env).replace("*", "x").replace(">", "x")
    for spec in streams_of(env):
        if any(matches(pattern, example) for pattern in spec.subjects):
            return spec.name
    return ""


def _channel(channel: Channel) -> Json:
    name = _message_name(channel)
    stream = stream_of(channel)
    return {
        "address": channel.address,
        "description": channel.says,
        "messages": {name: _ref("components", "messages", name)},
        "parameters": {
            parameter: _ref("components", "parameters", parameter)
            for parameter in re.findall(r"\{(\w+)\}", channel.address)
        },
        **({"x-stream": stream} if stream else {}),
    }


def _inbox() -> Json:
    names = sorted({_answer_name(channel) for channel in CHANNELS if channel.is_question})
    return {
        "address": None,
        "description": "the reply inbox that the asker names with the question",
        "messages": {name: _ref("components", "messages", name) for name in names},
    }


def _operations() -> Iterator[tuple[str, Json]]:
    for channel in CHANNELS:
        for action, components in (("send", channel.senders), ("receive", channel.receivers)):
            for component in components:
                operation: Json = {
                    "action": action,
                    "channel": _ref("channels", channel.name),
                    "summary": channel.says,
                    "tags": [{"name": component}],
                    "messages": [_ref("channels", channel.name, "messages", _message_name(channel))],
                }
                if channel.is_question:
                    answer = _ref("channels", _INBOX, "messages", _answer_name(channel))
                    operation["reply"] = {"channel": _ref("channels", _INBOX), "messages": [answer]}
                yield f"{component}.{action}.{channel.name}", operation


def _messages() -> Mapping[str, Json]:
    found: dict[str, Json] = {}
    for channel in CHANNELS:
        found[_message_name(channel)] = _message(_message_name(channel), channel.message, channel.headers)
    for channel in CHANNELS:
        if channel.is_question:
            found.setdefault(_answer_name(channel), _message(_answer_name(channel), channel.answer, ()))
    return found


def _message(name: str, model: type[Wire] | None, headers: Sequence[str]) -> Json:
    properties = {header: {"type": "string", "description": _HEADERS[header]} for header in headers}
    return {
        "name": name,
        "title": name,
        "summary": model.__doc__ if model else "An object whose fields the unit's manifest declares.",
        "contentType": "application/json",
        **({"headers": {"type": "object", "properties": properties}} if headers else {}),
        "payload": {"$ref": f"./{SCHEMAS.as_posix()}/{name}.json"} if model else {"type": "object"},
    }


def _message_name(channel: Channel) -> str:
    if channel.message is not None:
        return channel.message.__name__
    return _UNIT_REQUEST if channel.is_question else _UNIT_ANSWER


def _answer_name(channel: Channel) -> str:
    return channel.answer.__name__ if channel.answer is not None else _UNIT_ANSWER


def _parameter(name: str, text: str) -> Json:
    if name == "env":
        return {"description": text, "enum": list(ENVIRONMENTS), "default": ENVIRONMENTS[0]}
    return {"description": text}


def _ref(*path: str) -> Json:
    return {"$ref": "#/" + "/".join(path)}


def _text(document: Json) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def differences(docs: Path) -> list[str]:
    """What is kept below `docs` and is not what would be written, as paths."""
    wanted = documents()
    kept = {path.relative_to(docs) for path in (docs / SCHEMAS).glob("*.json")}
    return sorted(
        path.as_posix()
        for path in kept | wanted.keys()
        if path not in wanted
        or not (docs / path).is_file()
        or (docs / path).read_text(encoding="utf-8") != wanted[path]
    )


def write(docs: Path) -> None:
    """Write everything, and remove schemas of messages that are no more."""
    wanted = documents()
    for path, text in wanted.items():
        (docs / path).parent.mkdir(parents=True, exist_ok=True)
        (docs / path).write_text(text, encoding="utf-8")
    for path in (docs / SCHEMAS).glob("*.json"):
        if path.relative_to(docs) not in wanted:
            path.unlink()


def main(arguments: Sequence[str], docs: Path = DOCS) -> int:
    """Write, or with `--check` compare; return the exit code."""
    match list(arguments):
        case []:
            write(docs)
            return 0
        case ["--check"]:
            stale = differences(docs)
            if stale:
                sys.stderr.write(
                    f"not what the models give: {', '.join(stale)}; run `python -m shared.v1.contract`\n"
                )
            return 1 if stale else 0
        case _:
            sys.stderr.write("usage: python -m shared.v1.contract [--check]\n")
            return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
