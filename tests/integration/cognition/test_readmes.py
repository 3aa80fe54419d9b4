"""What the READMEs of gemma and nyx say is done here as they say it."""

import asyncio
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cells.math_cell.v1.cell import MathCell
from cognition.function_gemma.service import Gemma
from cognition.nyx.service import Nyx
from cognition.settings import CognitionSettings
from console.embedded import EmbeddedNats
from shared.v1 import manifest
from shared.v1.bus_nats import NatsBus
from shared.v1.messages import CognitiveRequest, CognitiveResponse, Heartbeat
from shared.v1.runtime import EXIT_OK, Context, Unit, live
from shared.v1.states import UnitState
from shared.v1.streams import streams_of
from thalamus.service import Thalamus
from thalamus.settings import ThalamusSettings

COGNITION = Path(__file__).parents[3] / "cognition"
MATH = manifest.load(COGNITION.parent / "cells" / "math_cell" / "v1" / "manifest.toml")
READMES = {name: (COGNITION / name / "README.md").read_text("utf-8") for name in ("function_gemma", "nyx")}


def published(name: str) -> list[tuple[str, bytes]]:
    """Subject and body of the lines that begin with `nats pub`."""
    lines = [line.strip() for line in READMES[name].splitlines()]
    split = [shlex.split(line) for line in lines if line.startswith("nats pub ")]
    return [(subject, body.encode()) for _, _, subject, body in split]


@asynccontextmanager
async def running(unit: Unit, server: EmbeddedNats) -> AsyncIterator[None]:
    kind = ThalamusSettings if isinstance(unit, Thalamus) else CognitionSettings
    settings = kind.model_validate({"nats_url": server.url, "gemma_model": "none", "nyx_model": "none"})
    bus = await NatsBus.connect(settings, name=unit.manifest.name)
    context = Context(unit.manifest, settings, bus)
    async with bus.subscribe(context.address.subject("dev", "heartbeat")) as beats:
        living = asyncio.create_task(live(unit, context))
        while Heartbeat.from_bytes((await anext(beats)).body).state is not UnitState.READY:
            pass
    try:
        yield
    finally:
        context.draining.set()
        assert await living == EXIT_OK
        await bus.close()


@pytest.fixture
async def bus(nats_server: EmbeddedNats) -> AsyncIterator[NatsBus]:
    bus = await NatsBus.connect(CognitionSettings(nats_url=nats_server.url), name="test")
    await bus.apply(streams_of("dev"))
    yield bus
    await bus.close()


async def test_the_waves_of_the_readme_become_a_request_with_three_actions(
    nats_server: EmbeddedNats, bus: NatsBus
) -> None:
    async with (
        running(Thalamus(), nats_server),
        running(Gemma(), nats_server),
        bus.subscribe("dev.cognitive.nyx.request") as requests,
    ):
        for subject, body in published("function_gemma"):
            await bus.publish(subject, body)
        async with asyncio.timeout(60):
            request = CognitiveRequest.from_bytes((await anext(requests)).body)
    offered = {action.id for action in request.actions}
    assert {f"`{name}`" for name in offered} <= set(re.findall(r"`[^`]+`", READMES["function_gemma"]))
    assert len(offered) == 3
    assert request.suggested == "math.compute"


async def test_the_request_of_the_readme_is_decided_and_the_math_cell_answers(
    nats_server: EmbeddedNats, bus: NatsBus
) -> None:
    [(subject, body)] = published("nyx")
    async with (
        running(MathCell(MATH), nats_server),
        running(Nyx(), nats_server),
        bus.subscribe("dev.cognitive.nyx.response") as responses,
        bus.subscribe("dev.nervous.cells.math.response") as answers,
    ):
        await bus.publish(subject, body)
        async with asyncio.timeout(60):
            response = CognitiveResponse.from_bytes((await anext(responses)).body)
            answer = await anext(answers)
    assert response.decision == "math.compute"
    assert b'"result":42' in answer.body


@pytest.mark.parametrize("name", READMES)
def test_the_settings_of_the_readme_exist_with_these_defaults(name: str) -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\S+) \|", READMES[name], flags=re.MULTILINE)
    assert len(rows) >= 7
    defaults = {
        "XDG_CACHE_HOME": "`~/.cache`",
        "OLLAMA_HOST": "empty",
        **{
            f"NIMMERVERSE_{field.upper()}": str(info.default) or "empty"
            for field, info in CognitionSettings.model_fields.items()
        },
    }
    for variable, default in rows:
        told = default if default.startswith("`") or default == "empty" else str(float(default))
        known = defaults[variable]
        assert told == (known if known in ("empty", "`~/.cache`") else str(float(known)))
