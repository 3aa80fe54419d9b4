"""What docs/questions.md shows is done here, line by line, in one afternoon."""

import asyncio
import re
import shlex
from dataclasses import replace
from pathlib import Path

from console.embedded import EmbeddedNats
from console.exits import Exit
from shared.v1.streams import SENSES
from tests.integration.thalamus_running import Running, running
from tests.shell import PROGRAM, Finished, Shell, finish

PAGE = (Path(__file__).parents[2] / "docs" / "questions.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    return [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]


async def run(shell: Shell, arguments: list[str]) -> Finished:
    """Run a command in the shell's own folder."""
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        cwd=shell.home,
        env=shell.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    return await finish(process)


async def settled(life: Running) -> None:
    """Wait until what a command published is folded."""
    await life.folded(await life.bus.last_seq(SENSES))


async def test_every_line_of_the_page_works_in_its_order(nats_server: EmbeddedNats, tmp_path: Path) -> None:
    shell = replace(Shell(tmp_path), variables={"NATS_URL": nats_server.url})
    [rules] = blocks("toml")
    (tmp_path / "rules.toml").write_text(rules, encoding="utf-8")
    lines = commands()
    assert len(lines) >= 15
    async with running(nats_server) as life:
        assert await life.wave("math", confidence=0.6) == 2  # after what the manifest declares
        assert await life.wave("abacus", confidence=0.5, semantic="sum") == 3
        for program, *arguments in lines:
            assert program == "nimmerverse"
            await settled(life)
            finished = await run(shell, arguments)
            assert finished.code == Exit.OK, (arguments, finished.out, finished.talk)
            assert finished.out
    assert (tmp_path / "morning.jsonl.gz").is_file()
