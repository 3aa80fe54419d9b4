"""What is published of the wire: it is what the models give, it is whole, and it says what the code does."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shared.v1 import contract
from shared.v1.bus import Stored
from shared.v1.bus_memory import matches
from shared.v1.channels import CHANNELS, PARAMETERS, TAIL, Channel
from shared.v1.contract import ASYNCAPI, DOCS, SCHEMAS
from shared.v1.decode import decode
from shared.v1.errors import RefusedError
from shared.v1.messages import Wire
from shared.v1.streams import streams_of
from shared.v1.subjects import ENVIRONMENTS, Kind, parse

DOCUMENT: dict[str, Any] = json.loads((DOCS / ASYNCAPI).read_text(encoding="utf-8"))
MODELS = {model.__name__: model for model in contract.models()}


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def subject_of(channel: Channel) -> str:
    """A subject that the channel covers."""
    values = dict.fromkeys(PARAMETERS, "math") | {"env": "dev", TAIL: "nervous.cells.math.wave.senses-17"}
    return channel.address.format(**values)


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def at(document: Any, pointer: str) -> Any:
    """What a JSON pointer leads to; KeyError if it leads nowhere."""
    for part in pointer.strip("/").split("/"):
        document = document[part]
    return document


def test_what_is_kept_is_what_the_models_give() -> None:
    assert contract.differences(DOCS) == [], "run `uv run python -m shared.v1.contract`"


def test_drift_is_told_with_the_names_of_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert contract.main([], tmp_path) == 0
    assert contract.main(["--check"], tmp_path) == 0
    (tmp_path / SCHEMAS / "WaveSignal.json").write_text("{}", encoding="utf-8")
    (tmp_path / SCHEMAS / "Forgotten.json").write_text("{}", encoding="utf-8")
    (tmp_path / SCHEMAS / "Tick.json").unlink()
    assert contract.main(["--check"], tmp_path) == 1
    told = capsys.readouterr().err
    assert "schemas/v1/Forgotten.json, schemas/v1/Tick.json, schemas/v1/WaveSignal.json;" in told
    assert contract.main([], tmp_path) == 0
    assert contract.differences(tmp_path) == []


def test_a_wrong_argument_is_told_how_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert contract.main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("name", MODELS)
def test_every_schema_is_one_and_names_itself(name: str) -> None:
    found = schema(name)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$id"] == f"nimmerverse:v1:{name}"
    assert found["title"] == name
    assert found["description"]
    assert all(at(found, reference.removeprefix("#")) is not None for reference in references(found))


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.example])
def test_the_example_of_a_message_fits_its_schema(name: str) -> None:
    found = schema(name)
    jsonschema.validate(json.loads(MODELS[name].example), found)
    assert found["examples"] == [json.loads(MODELS[name].example)]


@pytest.mark.parametrize(
    "body",
    [
        {"confidence": 0.6},
        {"confidence": 7},
        {"confidence": "0.6"},
        {"confidence": True},
        {},
        {"confidence": 1, "payload": {"a": [1, None]}},
        {"confidence": 1, "source": None},
        {"confidence": 1, "valence": -1.5},
        {"confidence": 1, "garden": "virtual.run-1"},
        {"confidence": 1, "garden": "moon"},
        {"confidence": 1, "id": ""},
        {"confidence": 1, "lifeforce_cost": -1},
        {"confidence": 1, "schema": 2},
        {"confidence": 1, "unknown": "field"},
    ],
    ids=json.dumps,
)
def test_a_wave_is_accepted_by_its_schema_exactly_when_it_is_accepted(body: dict[str, Any]) -> None:
    message = Stored(
        subject="dev.nervous.cells.math.wave", body=json.dumps(body).encode(), stream="SENSES", seq=1, at_ms=1
    )
    try:
        decode(message)
        accepted = True
    except RefusedError:
        accepted = False
    assert jsonschema.Draft202012Validator(schema("WaveSignal")).is_valid(body) is accepted


def test_the_document_has_what_asyncapi_3_requires() -> None:
    assert set(DOCUMENT) == {
        "asyncapi",
        "info",
        "defaultContentType",
        "servers",
        "channels",
        "operations",
        "components",
    }
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for server in DOCUMENT["servers"].values():
        assert {"host", "protocol"} <= server.keys()
        assert set(re.findall(r"\{(\w+)\}", server["host"])) == server["variables"].keys()


ALLOWED = {  # field → required, of AsyncAPI 3.0.0; the rest of each object is not used here
    "channel": {
        "address": True,
        "messages": True,
        "description": False,
        "parameters": False,
        "x-stream": False,
    },
    "operation": {
        "action": True,
        "channel": True,
        "messages": True,
        "summary": False,
        "tags": False,
        "reply": False,
    },
    "message": {
        "name": True,
        "title": False,
        "summary": True,
        "contentType": False,
        "headers": False,
        "payload": True,
    },
    "parameter": {"description": True, "enum": False, "default": False},
}


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("channel", "channels"),
        ("operation", "operations"),
        ("message", "components/messages"),
        ("parameter", "components/parameters"),
    ],
)
def test_every_object_has_the_fields_of_its_kind(kind: str, path: str) -> None:
    fields = ALLOWED[kind]
    for name, found in at(DOCUMENT, path).items():
        assert found.keys() <= fields.keys(), name
        assert {field for field, required in fields.items() if required} <= found.keys(), name
        assert re.fullmatch(r"[\w.-]+", name), name


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        if reference.startswith("#"):
            assert at(DOCUMENT, reference.removeprefix("#")) is not None
        else:
            assert (DOCS / reference).is_file(), reference


def test_every_operation_sends_or_receives_messages_of_its_own_channel() -> None:
    for name, operation in DOCUMENT["operations"].items():
        assert operation["action"] in ("send", "receive"), name
        for part in (operation, *([operation["reply"]] if "reply" in operation else [])):
            channel = part["channel"]["$ref"]
            assert all(message["$ref"].startswith(f"{channel}/messages/") for message in part["messages"]), name


def test_every_parameter_of_an_address_is_declared_and_every_declared_one_used() -> None:
    used = set()
    for channel in DOCUMENT["channels"].values():
        named = set(re.findall(r"\{(\w+)\}", channel["address"] or ""))
        assert named == set(channel.get("parameters", {}))
        used |= named
    assert used == DOCUMENT["components"]["parameters"].keys() == PARAMETERS.keys()


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
def test_the_subjects_of_a_channel_are_ours_and_of_its_kind(channel: Channel) -> None:
    parsed = parse(subject_of(channel))
    assert parsed.env in ENVIRONMENTS
    last = channel.address.rsplit(".", 1)[1]
    expected = {"{region}": Kind.OUTCOME, f"{{{TAIL}}}": Kind.DEAD}.get(last)
    assert parsed.kind is (expected or Kind(last))


def test_every_kind_of_subject_has_a_channel() -> None:
    assert {parse(subject_of(channel)).kind for channel in CHANNELS} == set(Kind)


def test_every_subject_that_a_stream_keeps_is_a_channel_that_says_so() -> None:
    kept = {pattern: spec.name for spec in streams_of("dev") for pattern in spec.subjects}
    said = {subject_of(channel): contract.stream_of(channel) for channel in CHANNELS}
    covered = set()
    for subject, stream in said.items():
        patterns = {pattern for pattern in kept if matches(pattern, subject)}
        assert {kept[pattern] for pattern in patterns} == ({stream} if stream else set())
        covered |= patterns
    assert covered == kept.keys()


def test_every_message_that_passes_alone_is_in_the_document() -> None:
    inside = {"Action", "Command", "Evidence", "Fact", "GardenView", "GateView", "RuleRecord", "RuleScope"}
    inside |= {"TrustChange", "WitnessView"}
    assert set(MODELS) - inside <= DOCUMENT["components"]["messages"].keys()
    # What stands only inside others is inside some other.
    texts = {name: json.dumps(schema(name).get("$defs", {})) for name in MODELS}
    assert all(any(f'"{name}"' in text for other, text in texts.items() if other != name) for name in inside)


def test_the_name_of_a_channel_and_of_its_address_is_not_given_twice() -> None:
    assert len({channel.name for channel in CHANNELS}) == len(CHANNELS)
    assert len({channel.address for channel in CHANNELS}) == len(CHANNELS)


def test_all_models_are_messages() -> None:
    assert all(issubclass(model, Wire) for model in MODELS.values())
