"""The model child and its parent: with the real weights, and with programs that misbehave."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from cognition.llama import Llama, LlamaState
from cognition.model import ModelAbsentError, ModelError
from cognition.settings import CognitionSettings
from cognition.weights import default_weights

SCHEMA = {
    "type": "object",
    "properties": {"action": {"enum": ["math.compute", "observe"]}},
    "required": ["action"],
    "additionalProperties": False,
}
PROMPT = 'region math; gate open 0.80; waves math "calculate" +0.60\naction:'

READY = 'print(json.dumps({"ready": True}), flush=True)'
ECHO = """
for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps({"id": question["id"], "text": question["prompt"]}), flush=True)
"""


class Child:
    """A program in place of the model child, and who hears of its states."""

    def __init__(self, folder: Path, body: str) -> None:
        self.script = folder / "child.py"
        self.script.write_text(f"import json, os, sys, time\n{body}\n", encoding="utf-8")
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.llama = Llama(
            folder / "small.gguf",
            threads=1,
            tell=self.told.put_nowait,
            command=(sys.executable, str(self.script)),
        )

    async def until(self, words: str) -> str:
        async with asyncio.timeout(60):
            while words not in (detail := await self.told.get()):
                pass
        return detail


@pytest.fixture
async def real() -> AsyncIterator[Llama]:
    weights = await asyncio.to_thread(default_weights, CognitionSettings().weights_folder)
    async with Llama(weights, threads=2) as llama:
        yield llama


async def test_the_default_weights_answer_within_the_schema_and_the_same_each_time(real: Llama) -> None:
    assert real.state is LlamaState.READY, real.detail
    answers = [json.loads(await real.complete(PROMPT, SCHEMA, timeout_s=60)) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["action"] in ("math.compute", "observe")


async def test_a_prompt_that_is_too_long_is_an_error_and_no_reason_to_end(real: Llama) -> None:
    pid = real.pid
    with pytest.raises(ModelError, match="exceeds the available context"):
        await real.complete("wave " * 4000, SCHEMA, timeout_s=60)
    await real.complete(PROMPT, SCHEMA, timeout_s=60)
    assert real.pid == pid


async def test_the_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = tmp_path / "parent.py"
    parent.write_text(
        "import asyncio, sys\n"
        "from cognition.llama import Llama\n"
        "from cognition.settings import CognitionSettings\n"
        "from cognition.weights import default_weights\n"
        "async def main():\n"
        "    async with Llama(default_weights(CognitionSettings().weights_folder), threads=1) as llama:\n"
        "        print(llama.pid, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n",
        encoding="utf-8",
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(parent), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert process.stdout is not None
    child = psutil.Process(int(await process.stdout.readline()))
    process.kill()
    await process.communicate()
    await asyncio.to_thread(psutil.wait_procs, [child], timeout=30)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


async def test_leaving_ends_the_child(tmp_path: Path) -> None:
    async with Child(tmp_path, READY + ECHO).llama as llama:
        assert await llama.complete("hello", {}, timeout_s=30) == "hello"
        assert llama.pid is not None
        process = psutil.Process(llama.pid)
    assert not process.is_running()
    assert llama.pid is None


async def test_a_child_that_does_not_listen_is_ended_all_the_same(tmp_path: Path) -> None:
    async with Child(tmp_path, READY + "\ntime.sleep(600)").llama as llama:
        assert llama.pid is not None
        process = psutil.Process(llama.pid)
    assert not process.is_running()


async def test_a_child_that_is_killed_in_the_middle_costs_one_answer(tmp_path: Path) -> None:
    asked, once = tmp_path / "asked", tmp_path / "once"
    os.mkfifo(asked)
    child = Child(
        tmp_path,
        f"""
{READY}
if not os.path.exists({str(once)!r}):
    open({str(once)!r}, "w").close()
    sys.stdin.readline()
    open({str(asked)!r}, "w").close()
    time.sleep(600)
{ECHO}""",
    )
    async with child.llama as llama:
        asking = asyncio.create_task(llama.complete("first", {}, timeout_s=60))
        await asyncio.to_thread(asked.read_bytes)
        assert llama.pid is not None
        os.kill(llama.pid, signal.SIGKILL)
        with pytest.raises(ModelError, match="ended in the middle"):
            await asking
        await child.until("it starts again in 0.5 s")
        with pytest.raises(ModelAbsentError, match="it starts again"):
            await llama.complete("meanwhile", {}, timeout_s=60)
        await child.until("small weighs")
        assert await llama.complete("second", {}, timeout_s=60) == "second"


async def test_a_child_that_is_killed_while_it_waits_starts_again(tmp_path: Path) -> None:
    child = Child(tmp_path, READY + ECHO)
    async with child.llama as llama:
        assert llama.pid is not None
        os.kill(llama.pid, signal.SIGKILL)
        await child.until("small ended with code -9, it starts again")
        await child.until("small weighs")
        assert await llama.complete("hello", {}, timeout_s=60) == "hello"


async def test_who_is_late_is_ended_and_starts_again(tmp_path: Path) -> None:
    child = Child(tmp_path, READY + "\ntime.sleep(600)")
    async with child.llama as llama:
        with pytest.raises(ModelError, match=r"did not answer within 0\.2 s"):
            await llama.complete("", {}, timeout_s=0.2)
        with pytest.raises(ModelAbsentError):
            await llama.complete("", {}, timeout_s=0.2)
        await child.until("did not answer within 0.2 s, it starts again in 0.5 s")
        await child.until("small weighs")


async def test_a_question_that_is_cancelled_leaves_no_answer_to_the_next(tmp_path: Path) -> None:
    child = Child(tmp_path, READY + "\ntime.sleep(0.3)" + ECHO)
    async with child.llama as llama:
        asking = asyncio.create_task(llama.complete("first", {}, timeout_s=60))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await child.until("small weighs")
        await child.until("small weighs")
        assert await llama.complete("second", {}, timeout_s=60) == "second"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("print('hello', flush=True)", "no answer"),
        ("print('x' * 2_000_000, flush=True)", "more than"),
        ('print(json.dumps({"id": 99, "text": "yes"}), flush=True)', "answered question 99 instead of 1"),
        ("sys.stdout.write('{\"id\": 1')", "ended in the middle"),
    ],
)
async def test_garbage_is_an_error_and_a_restart(tmp_path: Path, said: str, reason: str) -> None:
    child = Child(tmp_path, f"{READY}\nsys.stdin.readline()\n{said}")
    async with child.llama as llama:
        with pytest.raises(ModelError, match=reason):
            await llama.complete("", {}, timeout_s=60)
        await child.until("starts again")
        await child.until("small weighs")


async def test_a_child_that_cannot_load_says_why_and_is_left_alone(tmp_path: Path) -> None:
    child = Child(tmp_path, 'print(json.dumps({"error": "no such weights"}), flush=True)')
    async with child.llama as llama:
        assert llama.state is LlamaState.REFUSED
        assert llama.detail.endswith("small.gguf: no such weights")
        with pytest.raises(ModelAbsentError, match="no such weights"):
            await llama.complete("", {}, timeout_s=60)


async def test_a_child_that_ends_while_it_loads_starts_again_later_and_later(tmp_path: Path) -> None:
    child = Child(tmp_path, "sys.exit(3)")
    async with child.llama:
        assert "in 0.5 s" in await child.until("starts again")
        assert "in 1 s" in await child.until("starts again")


async def test_a_program_that_cannot_be_started_is_an_absent_model(tmp_path: Path) -> None:
    async with Llama(tmp_path / "a.gguf", threads=1, command=(str(tmp_path / "nothing"),)) as llama:
        assert "could not be started" in llama.detail
