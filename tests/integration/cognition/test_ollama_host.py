"""Young Nyx's model on a GPU host, at the wire: recorded answers of a real server."""

import pytest

from cognition.backends import any_model
from cognition.model import ModelAbsentError, ModelError
from cognition.ollama_host import OPTIONS, OllamaModel
from cognition.settings import CognitionSettings
from tests.fixtures.ollama.replay import Replay

SCHEMA = {"type": "object", "properties": {"region": {"enum": ["math", "battery"]}}, "required": ["region"]}
AS_RECORDED = '{ "region": "math" }\n\n   \t \t \t \t \t \t \t \t \t'


async def test_the_first_model_is_asked_under_the_schema() -> None:
    async with Replay(lambda _: ("chat-schema", AS_RECORDED)) as server:
        async with await OllamaModel.find(server.host) as model:
            assert await model.complete("region math\naction:", SCHEMA, timeout_s=30) == AS_RECORDED
            await model.complete("again", SCHEMA, timeout_s=30)
        assert model.detail == f"m270b:latest weighs, on Ollama at {server.host}"
        first, second = server.asked
    assert (first["model"], first["format"], first["stream"]) == ("m270b:latest", SCHEMA, False)
    assert first["messages"][-1] == {"role": "user", "content": "region math\naction:"}
    # Other options would make the server load the model again.
    assert first["options"] == second["options"] == OPTIONS


async def test_a_model_is_known_without_its_tag() -> None:
    async with Replay(lambda _: ("chat-schema", "")) as server:
        async with await OllamaModel.find(server.host, "g270") as model:
            assert model.name == "g270:latest"
        with pytest.raises(ModelAbsentError, match="does not have the model 'qwen3'"):
            await OllamaModel.find(server.host, "qwen3")


@pytest.mark.parametrize(
    ("name", "reason"), [("missing-model", "not found"), ("overload-2", "maximum pending requests")]
)
async def test_what_the_server_refuses_is_an_error_with_its_reason(name: str, reason: str) -> None:
    async with Replay(lambda _: (name, "")) as server, await OllamaModel.find(server.host) as model:
        with pytest.raises(ModelError, match=reason):
            await model.complete("", SCHEMA, timeout_s=30)


async def test_a_late_answer_is_not_waited_for() -> None:
    async with Replay(lambda _: ("chat-schema", "")) as server, await OllamaModel.find(server.host) as model:
        server.open.clear()
        with pytest.raises(ModelError, match=r"within 0\.1 s"):
            await model.complete("", SCHEMA, timeout_s=0.1)


async def test_a_server_that_has_gone_is_an_absent_model() -> None:
    async with Replay(lambda _: ("chat-schema", "")) as server:
        model = await OllamaModel.find(server.host)
    async with model:
        with pytest.raises(ModelAbsentError, match="does not answer"):
            await model.complete("", SCHEMA, timeout_s=30)
    with pytest.raises(ModelAbsentError, match="does not answer"):
        await OllamaModel.find(server.host)


@pytest.mark.parametrize(
    ("wanted", "host", "detail"),
    [
        ("none", "127.0.0.1:1", "no model weighs: the settings say none"),
        ("qwen3", "", "no model weighs: NIMMERVERSE_NYX_MODEL is 'qwen3', but OLLAMA_HOST is not set"),
        ("qwen3", "127.0.0.1:1", "no model weighs: Ollama at 127.0.0.1:1 does not answer"),
        ("/nowhere/a.gguf", "127.0.0.1:1", "no model weighs: /nowhere/a.gguf is not there"),
    ],
)
async def test_an_absent_model_says_why(wanted: str, host: str, detail: str) -> None:
    settings = CognitionSettings(nyx_model=wanted, ollama_host=host)
    async with await any_model(wanted, settings, lambda _: None) as model:
        assert model.detail.startswith(detail)
        with pytest.raises(ModelAbsentError):
            await model.complete("", SCHEMA, timeout_s=1)


async def test_without_ollama_the_embedded_model_weighs() -> None:
    settings = CognitionSettings(ollama_host="127.0.0.1:1")
    model = await any_model("", settings, lambda _: None)
    assert model.name == "gemma-3-270m-q4_k_m"


async def test_ollama_is_found_by_its_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Replay(lambda _: ("chat-schema", "")) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        async with await any_model("", CognitionSettings(), lambda _: None) as model:
            assert model.name == "m270b:latest"
