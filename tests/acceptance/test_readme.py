"""What the README says is done here as it says it."""

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from console.embedded import EmbeddedNats
from console.organism import Organism, Plan
from shared.v1.bus_nats import NatsBus
from shared.v1.settings import Settings
from shared.v1.streams import SENSES, streams_of
from shared.v1.subjects import SubjectError, parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def nats_lines() -> list[list[str]]:
    """The lines for the `nats` command, split as a shell would."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("nats ")]


@pytest.fixture
async def organism(tmp_path: Path) -> AsyncIterator[Organism]:
    without_models = {"NIMMERVERSE_GEMMA_MODEL": "none", "NIMMERVERSE_NYX_MODEL": "none"}
    async with Organism(Plan(folder=tmp_path, cells=("math",), environment=without_models)) as made:
        await made.ready(lambda _: None, within_s=60)
        yield made


async def heard(client: Client, pattern: str, said: list[str]) -> asyncio.Queue[tuple[str, dict[str, object]]]:
    """Subscribe, then publish lines; what arrives is in the queue."""
    arrived: asyncio.Queue[tuple[str, dict[str, object]]] = asyncio.Queue()

    async def note(message: nats.aio.msg.Msg) -> None:
        await arrived.put((message.subject, json.loads(message.data)))

    await client.subscribe(pattern, cb=note)
    await client.flush()
    for line in said:
        _, verb, subject, body = shlex.split(line)
        assert verb == "pub"
        await client.publish(subject, body.encode())
    await client.flush()
    return arrived


async def test_the_lines_for_the_nats_command_do_what_the_readme_says(organism: Organism) -> None:
    lines = {shlex.join(line): line for line in nats_lines()}
    pubs = [text for text, line in lines.items() if line[1] == "pub"]
    one, other, skeptic, wrong = pubs
    client = await nats.connect(organism.settings.nats_url)
    watched = next(line[2] for line in lines.values() if line[1] == "sub")
    decisions = await heard(client, watched, [one, one])
    dead = await heard(client, "dev.dead.>", [wrong])
    subject, letter = await dead.get()
    assert "confidence is 7" in str(letter["reason"])
    assert decisions.empty()  # the refusal came later in the stream than both waves

    await heard(client, "unused", [one, other])
    subject, opened = await decisions.get()
    while subject != "dev.nervous.thalamus.math.transition":
        subject, opened = await decisions.get()
    assert opened["to_state"] == 1
    assert [wave["witness"] for wave in opened["evidence"]][-2:] == ["math", "abacus"]  # type: ignore[attr-defined]

    await heard(client, "unused", [skeptic])
    while subject != "dev.nervous.thalamus.math.transition" or opened["to_state"] != 0:
        subject, opened = await decisions.get()

    asked = [line for line in lines.values() if line[1] == "req"]
    assert len(asked) == 2
    for _, _, subject, body in asked:
        answer = await client.request(subject, body.encode(), timeout=5)
        assert json.loads(answer.data)["result"] == 42

    names: set[str] = set()
    inbox = client.new_inbox()
    pings = await client.subscribe(inbox)
    await client.publish("$SRV.PING", reply=inbox)  # what `nats micro ls` asks
    while not {"math", "thalamus", "gemma", "nyx"} <= names:
        names.add(json.loads((await pings.next_msg(timeout=5)).data)["name"])
    await client.close()


async def test_the_cell_of_the_readme_runs(nats_server: EmbeddedNats, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cells", tmp_path / "cells", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "cells" / "dice" / "v1"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder.parent / "__init__.py").touch()
    cell, start = blocks("python")
    (folder / "manifest.toml").write_text(blocks("toml")[0], encoding="utf-8")
    (folder / "cell.py").write_text(cell, encoding="utf-8")
    (folder / "__main__.py").write_text(start, encoding="utf-8")
    assert len(cell.splitlines()) <= 20

    settings = Settings(nats_url=nats_server.url)
    bus = await NatsBus.connect(settings, name="test")
    await bus.apply(streams_of("dev"))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cells.dice.v1",
        cwd=tmp_path,
        env={**os.environ, "NATS_URL": nats_server.url, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60), aclosing(bus.read(SENSES, after=0)) as messages:
            message = await anext(messages)
            assert message.subject == "dev.nervous.cells.dice.wave"
            wave = json.loads(message.body)
            assert wave["semantic"] == "luck"
            assert wave["source"].startswith("dice/1.0.0/")
            assert wave["lifeforce_cost"] == 0.1
    finally:
        process.terminate()
        assert await process.wait() == 0
        await bus.close()


def test_every_command_of_the_readme_exists_and_none_is_missing() -> None:
    table = README.split("## The `nimmerverse` command")[1].split("## ")[0]
    named = {
        name.split()[0]
        for name in re.findall(r"^\| (.+?) \|", table, re.MULTILINE)[1:]
        for name in [name.strip("`")]
    }
    shown = subprocess.run(
        [sys.executable, "-m", "console", "--help"], capture_output=True, text=True, check=True
    ).stdout
    commands = set(re.findall(r"^  ([a-z]+)  ", shown, re.MULTILINE))
    assert named == commands


def test_the_subjects_of_the_readme_are_ours() -> None:
    table = README.split("## Subjects")[1].split("## ")[0]
    written = [text for text in re.findall(r"`(dev\.[^`]+)`", table) if "*" not in text and ">" not in text]
    assert len(written) >= 12
    for text in written:
        subject = text.replace("NAME", "name").replace("REGION", "region")
        try:
            parse(subject)
        except SubjectError as error:
            pytest.fail(f"{text}: {error}")
