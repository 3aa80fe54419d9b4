"""`nimmerverse demo` as a newcomer runs it: a home without anything, and one command."""

import asyncio
import signal
from pathlib import Path

import psutil
import pytest

from console.chain import LINKS
from console.exits import Exit
from tests.shell import Shell, finish, said


def _left_behind(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("nimmerverse-*")]


async def test_the_demo_shows_the_whole_chain_and_42(tmp_path: Path) -> None:
    finished = await Shell(tmp_path).run("demo", "--output", "json", within_s=240)
    assert finished.code == Exit.OK, finished.talk
    chain = finished.document
    assert list(chain) == list(LINKS)
    assert [wave["confidence"] for wave in chain["waves"]] == [0.6, 0.5]
    transition = chain["transition"]
    assert (transition["from_state"], transition["to_state"], transition["region"]) == (0, 1, "math")
    assert {wave["id"] for wave in transition["evidence"]} == {wave["id"] for wave in chain["waves"]}
    assert chain["escalation"]["transition"] == transition["id"]
    assert chain["request"]["escalation"] == chain["escalation"]["id"]
    assert chain["response"]["request"] == chain["request"]["id"]
    assert chain["command"]["subject"] == "dev.nervous.cells.math.request"
    assert chain["result"]["result"] == 42
    assert chain["outcome"]["outcome"] == "confirmed"
    assert chain["outcome"]["about"] == chain["response"]["id"]
    assert chain["gate"]["after"] > chain["gate"]["before"] == transition["weight"]
    assert _left_behind(tmp_path) == []


async def test_the_demo_without_models_tells_every_link_with_its_subject(tmp_path: Path) -> None:
    finished = await Shell(tmp_path).run("demo", "--without-model", "--env", "staging", within_s=120)
    assert finished.code == Exit.OK, finished.talk
    told = [line.split()[2:4] for line in finished.out.splitlines() if not line.lstrip().startswith("evidence")]
    assert [name for name, _ in told] == ["waves", *LINKS]
    assert all(subject.startswith("staging.") for _, subject in told)
    assert "evidence: SENSES:" in finished.out
    assert "STABLE → OPEN" in finished.out
    assert "42" in finished.out


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
async def test_an_interrupted_demo_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals, code: Exit
) -> None:
    process = await Shell(tmp_path).start("demo", "--without-model")
    await said(process, "waiting for")
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 5
    process.send_signal(number)
    async with asyncio.timeout(10):
        finished = await finish(process)
    assert (finished.code, finished.out) == (code, "")
    assert [child for child in children if child.is_running()] == []
    assert _left_behind(tmp_path) == []
