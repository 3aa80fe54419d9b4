"""The commands as a shell sees them: output, talk, exit codes. Against a real server."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.embedded import EmbeddedNats
from console.exits import Exit
from shared.v1.bus import Endpoint, Message, Service
from shared.v1.bus_nats import NatsBus
from shared.v1.errors import RefusedError
from shared.v1.messages import (
    ExplainQuestion,
    Explanation,
    GatesAnswer,
    GateView,
    Heartbeat,
    WaveSignal,
    WitnessView,
)
from shared.v1.settings import Settings
from shared.v1.states import GateState, Tier, UnitState
from shared.v1.streams import SENSES, streams_of
from shared.v1.subjects import EXPLAIN_QUESTION, GATES_QUESTION, THALAMUS
from tests.shell import Finished, Shell, finish, said

NOBODY = "nats://me:secret@127.0.0.1:9"
WAVE = "dev.nervous.cells.math.wave"


Command = Callable[..., Awaitable[Finished]]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def on_server(shell: Shell, nats_server: EmbeddedNats) -> Command:
    """Runs a command against the private server."""
    return replace(shell, variables={"NATS_URL": nats_server.url}).run


@pytest.fixture
async def bus(settings: Settings) -> AsyncIterator[NatsBus]:
    bus = await NatsBus.connect(settings, name="test")
    await bus.apply(streams_of("dev"))
    yield bus
    await bus.close()


async def test_help_loads_nothing_heavy_and_shows_the_exit_codes(shell: Shell) -> None:
    finished = await shell.run("--help", PYTHONPROFILEIMPORTTIME="1")
    assert finished.code == Exit.OK
    assert all(code.meaning in finished.out for code in Exit)
    loaded = {
        line.rsplit("|", 1)[1].strip().split(".")[0] for line in finished.talk.splitlines() if "|" in line
    }
    assert "typer" in loaded
    heavy = {"nats", "numpy", "ollama", "psutil", "pydantic", "rich", "thalamus", "transitions", "xllamacpp"}
    assert loaded & heavy == set()


async def test_the_version_is_printed(shell: Shell) -> None:
    assert (await shell.run("--version")).out.startswith("nimmerverse ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("moon",),
        ("wave",),
        ("wave", "math", "--confidence", "7"),
        ("wave", "math", "--confidence", "0.5", "--payload", "{"),
        ("wave", "Math", "--confidence", "0.5"),
        ("gates", "--env", "moon"),
        ("gates", "--context", "moon"),
        ("explain", "Not a region"),
        ("watch", "a..b"),
        ("gates", "--output", "xml"),
    ],
)
async def test_what_was_typed_wrongly_is_one_sentence_and_code_2(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    finished = await shell.run(*arguments)
    assert (finished.code, finished.out) == (Exit.USAGE, "")
    assert finished.talk


@pytest.mark.parametrize(
    "arguments",
    [("wave", "math", "--confidence", "0.5"), ("gates",), ("explain", "math"), ("streams", "plan"), ("watch",)],
)
async def test_without_a_server_the_code_is_3_and_no_password_is_shown(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    finished = await shell.run(*arguments, "--nats-url", NOBODY)
    assert (finished.code, finished.out) == (Exit.UNREACHABLE, "")
    assert finished.talk.count("\n") == 1
    assert "no NATS server answers at nats://***@127.0.0.1:9" in finished.talk
    assert "secret" not in finished.talk


async def test_streams_are_planned_then_applied_then_kept(on_server: Command) -> None:
    planned = (await on_server("streams", "plan", "--output", "json")).document
    assert {change["change"] for change in planned["changes"]} == {"create"}
    again = (await on_server("streams", "plan")).out
    assert "create  SENSES" in again
    assert (await on_server("streams", "apply")).code == Exit.OK
    kept = (await on_server("streams", "plan", "-o", "json")).document
    assert {change["change"] for change in kept["changes"]} == {"keep"}


async def test_streams_of_another_environment_are_left_alone(on_server: Command) -> None:
    await on_server("streams", "apply")
    finished = await on_server("streams", "apply", "--env", "prod")
    assert finished.code == Exit.REFUSED
    assert "belongs to dev" in finished.talk


async def test_a_wave_is_stored_as_it_was_typed(on_server: Command, bus: NatsBus) -> None:
    finished = await on_server(
        *("wave", "math", "--confidence", "0.6", "--valence", "-1", "--payload", '{"a": "°"}', "-o", "json")
    )
    assert finished.document["seq"] == 1
    stored = await bus.get(SENSES, 1)
    assert stored is not None
    assert stored.subject == WAVE
    assert json.loads(stored.body) == {"confidence": 0.6, "valence": -1.0, "payload": {"a": "°"}}
    assert (await on_server("wave", "organs/vision", "--confidence", "1")).out.startswith("SENSES:2 ")


async def test_a_wave_without_streams_says_what_to_run(on_server: Command) -> None:
    finished = await on_server("wave", "math", "--confidence", "0.5")
    assert finished.code == Exit.UNREACHABLE
    assert "nimmerverse streams apply" in finished.talk


async def test_watch_prints_what_passes(shell: Shell, nats_server: EmbeddedNats, bus: NatsBus) -> None:
    watching = [
        await shell.start("watch", "--count", "2", "--nats-url", nats_server.url, "--output", output)
        for output in ("text", "json")
    ]
    for process in watching:
        await said(process, "watching dev.>")
    await bus.publish(WAVE, b'{"confidence": 0.6, "semantic": "\\u001b[31m"}', headers={"A": "b"})
    await bus.publish(WAVE, b"\xff")
    text, lines = [await finish(process) for process in watching]
    assert (text.code, lines.code) == (Exit.OK, Exit.OK)
    assert f"{WAVE}  ·[31m 0.60" in text.out
    assert "\x1b" not in text.out
    first, second = [json.loads(line) for line in lines.out.splitlines()]
    assert first["subject"] == WAVE
    assert first["headers"] == {"A": "b"}
    assert first["body"]["confidence"] == 0.6
    assert second["base64"] == "/w=="


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
async def test_a_signal_ends_watch_without_a_word(
    shell: Shell,
    nats_server: EmbeddedNats,
    number: signal.Signals,
    code: Exit,
) -> None:
    process = await shell.start("watch", NATS_URL=nats_server.url)
    await said(process, "watching")
    process.send_signal(number)
    finished = await finish(process)
    assert (finished.code, finished.out, finished.talk) == (code, "", "")


async def test_a_reader_who_leaves_is_no_error(shell: Shell, nats_server: EmbeddedNats, bus: NatsBus) -> None:
    process = await shell.start("watch", NATS_URL=nats_server.url)
    await said(process, "watching")
    assert process.stdout is not None
    process.stdout._transport.close()  # type: ignore[attr-defined]  # as `| head` does
    async with asyncio.timeout(20):
        while process.returncode is None:
            await bus.publish(WAVE, b'{"confidence": 1}')
            await asyncio.sleep(0.02)
    assert process.returncode == Exit.OK
    assert process.stderr is not None
    assert await process.stderr.read() == b""


async def test_gates_and_explain_without_a_thalamus_say_that_nobody_answers(
    on_server: Command, bus: NatsBus
) -> None:
    for arguments in (("gates",), ("explain", "math")):
        finished = await on_server(*arguments)
        assert finished.code == Exit.UNREACHABLE
        assert "nobody answers" in finished.talk


GATE = GateView(
    gate="real/math",
    region="math",
    garden="real",
    state=GateState.STABLE,
    value=0.42,
    correlation=0.73,
    confidence=0.6,
    weight=0.1,
    tier=Tier.COGNITION,
    witnesses=2,
    waves=0,
    threshold=1.0,
    hysteresis=0.6,
    threshold_closed=1.0,
    tau_ms=1500,
)


@pytest.fixture
async def thalamus(bus: NatsBus) -> NatsBus:
    """Somebody who answers as a thalamus does, about one gate."""
    now = datetime.now(UTC)

    async def gates(message: Message) -> bytes:
        return GatesAnswer(input_seq=2, rules=0, at=now, gates=(GATE,)).to_bytes()

    async def explain(message: Message) -> bytes:
        question = ExplainQuestion.from_bytes(message.body)
        if question.region != GATE.region:
            raise RefusedError(f"no gate {question.region!r}", code=404)
        witnesses = tuple(
            WitnessView(witness=name, evidence=1.4, says=1.2, others=0.5, contribution=0.4, trust=1.0, age_ms=9)
            for name in ("math", "calculate")
        )
        return Explanation(
            gate=GATE,
            input_seq=2,
            rules=0,
            at=now,
            witnesses=witnesses,
            matrix=((0.0, 0.4), (0.4, 0.0)),
            evidence=(),
            why="two witnesses, but late",
            missing="0.27 nats from another witness",
        ).to_bytes()

    questions = ((GATES_QUESTION, gates), (EXPLAIN_QUESTION, explain))
    endpoints = [
        Endpoint(name=address.unit, subject=address.subject("dev", "request"), handler=handler)
        for address, handler in questions
    ]
    await bus.serve(Service(name="thalamus", version="1.0.0", description="", endpoints=endpoints))
    return bus


async def test_gates_are_a_table_or_a_document(on_server: Command, thalamus: NatsBus) -> None:
    table = await on_server("gates")
    assert table.code == Exit.OK
    assert "real/math  STABLE" in table.out
    assert "\x1b" not in table.out
    assert (await on_server("gates", "-o", "json")).document["gates"][0]["region"] == "math"


async def test_explain_says_why_and_what_is_missing(on_server: Command, thalamus: NatsBus) -> None:
    finished = await on_server("explain", "math")
    assert finished.code == Exit.OK
    for part in ("two witnesses, but late", "0.27 nats", "Who corroborates whom", "calculate", "0.400"):
        assert part in finished.out
    assert (await on_server("explain", "math", "-o", "json")).document["gate"]["region"] == "math"
    unknown = await on_server("explain", "moon")
    assert (unknown.code, unknown.out) == (Exit.REFUSED, "")


async def test_the_doctor_works_without_a_server(shell: Shell) -> None:
    finished = await shell.run("doctor", "--nats-url", NOBODY, "--output", "json")
    assert finished.code == Exit.NOT_MET
    verdicts = {finding["name"]: finding["verdict"] for finding in finished.document}
    assert (verdicts["python"], verdicts["server"]) == ("ok", "fail")
    assert "secret" not in finished.out


async def test_the_doctor_says_which_command_makes_the_streams(on_server: Command) -> None:
    finished = await on_server("doctor")
    assert finished.code == Exit.NOT_MET
    assert "nimmerverse streams apply" in finished.out


async def test_the_doctor_finds_units_by_their_heartbeats(on_server: Command, bus: NatsBus) -> None:
    beat = Heartbeat(
        source="thalamus/1.0.0/x",
        address=THALAMUS.path,
        version="1.0.0",
        state=UnitState.READY,
        detail="all is well",
        at=datetime.now(UTC),
        interval_s=30,
        uptime_s=1,
        pid=1,
        host="here",
    )
    await bus.append(THALAMUS.subject("dev", "heartbeat"), beat.to_bytes())
    finished = await on_server("doctor", "-o", "json")
    assert finished.code == Exit.OK
    findings = {finding["name"]: finding for finding in finished.document}
    for name in ("server", "streams", "clock", "thalamus"):
        assert findings[name]["verdict"] == "ok", findings[name]
    assert "all is well" in findings["thalamus"]["seen"]
    assert findings["nyx"]["verdict"] == "warn"


class GuardedNats(EmbeddedNats):
    """A server that wants a user and a password with characters that URLs do not like."""

    def _config(self, ports: Path) -> str:
        login = {"user": "nyx", "password": "p@ss%w:rd"}
        return json.dumps(json.loads(super()._config(ports)) | {"authorization": login})


async def test_a_context_of_the_nats_cli_lets_us_in(shell: Shell, tmp_path: Path) -> None:
    server = GuardedNats(tmp_path / "guarded")
    await server.start()
    try:
        folder = tmp_path / ".config" / "nats"
        (folder / "context").mkdir(parents=True)
        for name, password in (("good", "p@ss%w:rd"), ("bad", "secret")):
            fields = {"url": server.url, "user": "nyx", "password": password}
            (folder / "context" / f"{name}.json").write_text(json.dumps(fields))
        assert (await shell.run("streams", "plan", "--context", "good")).code == Exit.OK
        refused = await shell.run("streams", "plan", NATS_CONTEXT="bad")
        assert refused.code == Exit.REFUSED
        assert "secret" not in refused.talk
        (folder / "context.txt").write_text("good")
        assert (await shell.run("streams", "plan")).code == Exit.OK
    finally:
        await server.stop()


async def test_a_wave_that_the_command_takes_is_a_wave(on_server: Command, bus: NatsBus) -> None:
    finished = await on_server("wave", "math", "--confidence", "1", "--garden", "virtual.run-1", "-o", "json")
    given = finished.document["wave"] | {"id": "SENSES:1", "source": "math", "semantic": "math"}
    assert WaveSignal.from_fields(given).garden == "virtual.run-1"
