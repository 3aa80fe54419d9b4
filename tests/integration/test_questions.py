"""Questions about the past, asked as a shell asks them, of a thalamus on a real server."""

import asyncio
import gzip
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import nats
import pytest

from console.embedded import EmbeddedNats
from console.exits import Exit
from shared.v1.bus_nats import NatsBus
from shared.v1.messages import GatesAnswer, RuleChange
from shared.v1.settings import Settings
from shared.v1.streams import DECISIONS, SENSES
from tests.integration.thalamus_running import Running, running
from tests.shell import Finished, Shell

Command = Callable[..., Awaitable[Finished]]


@pytest.fixture
def on_server(tmp_path: Path, nats_server: EmbeddedNats) -> Command:
    return replace(Shell(tmp_path), variables={"NATS_URL": nats_server.url}).run


@pytest.fixture
async def thalamus(nats_server: EmbeddedNats) -> AsyncIterator[Running]:
    async with running(nats_server) as made:
        yield made


async def agree(life: Running, label: str, confidence: float = 0.7) -> int:
    """Two cells agree; returns the position of the second wave once what it decides is stored."""
    await life.wave("nose", semantic=label, confidence=confidence)
    seq = await life.wave("tongue", semantic=label, confidence=confidence)
    await life.folded(seq)
    return seq


async def a_morning(life: Running) -> int:
    """Some of everything: agreement, a refused wave, rules, an outcome. Returns the newest position."""
    await agree(life, "toast")
    await life.publish("nervous.cells.math.wave", '{"confidence": 7}')
    await life.bus.append("dev.nervous.outcomes.toast", b'{"outcome": "confirmed"}')
    await life.bus.append("dev.nervous.thalamus.rules", b'{"region": "smoke", "threshold": 2.0}')
    await agree(life, "smoke", 0.8)
    await life.wave("nose", semantic="dust", confidence=0.45)
    await life.wave("tongue", semantic="dust", confidence=0.45)
    seq = await life.bus.append("dev.nervous.outcomes.smoke", b'{"outcome": "failed"}')
    await life.folded(seq)
    async with asyncio.timeout(60):
        async for message in life.bus.read(DECISIONS, after=0):
            if json.loads(message.body)["input_seq"] == seq:
                break
    return seq


async def test_a_replay_decides_what_was_decided(thalamus: Running, on_server: Command) -> None:
    last = await a_morning(thalamus)
    finished = await on_server("replay", "--to", str(last), "-o", "json")
    assert finished.code == Exit.OK, finished.talk
    told = [json.loads(line) for line in finished.out.splitlines()]
    recorded = [
        message for message in await thalamus.decisions() if json.loads(message.body)["input_seq"] <= last
    ]
    assert [(one["subject"], one["body"]) for one in told] == [
        (message.subject, json.loads(message.body)) for message in recorded
    ]
    table = await on_server("replay", "--to", str(last), "--garden", "virtual")
    assert (table.code, table.out) == (Exit.OK, "")
    table = await on_server("replay", "--to", str(last))
    assert "dev.nervous.thalamus.toast.transition  STABLE → OPEN  collapse" in table.out


@pytest.mark.parametrize("snapshots", [1, 1_000_000])
async def test_check_says_identical(nats_server: EmbeddedNats, on_server: Command, snapshots: int) -> None:
    async with running(nats_server, snapshot_inputs=snapshots) as life:
        last = await a_morning(life)
    whole = await on_server("replay", "--check", "--to", str(last), "-o", "json")
    assert whole.code == Exit.OK, whole.out
    assert whole.document["identical"] is True
    assert whole.document["decisions"] > 5
    part = await on_server("replay", "--check", "--from", str(last), "--to", str(last))
    assert (part.code, part.out) == (
        Exit.OK,
        f"identical: 1 decisions of SENSES:{last} to {last}, byte by byte\n",
    )
    recent = await on_server("replay", "--check", "--from", "-1h", "--to", str(last), "-o", "json")
    assert recent.document["decisions"] == whole.document["decisions"]
    none = await on_server("replay", "--check", "--garden", "virtual", "--to", str(last), "-o", "json")
    assert (none.code, none.document["decisions"]) == (Exit.OK, 0)


async def test_check_finds_one_altered_decision(nats_server: EmbeddedNats, shell_of_copy: Command) -> None:
    async with running(nats_server) as life:
        last = await a_morning(life)
    finished = await shell_of_copy("replay", "--check", "--to", str(last), "-o", "json")
    assert finished.code == Exit.NOT_MET, finished.talk
    difference = finished.document["difference"]
    assert finished.document["decisions"] == difference["place"] - 1
    assert difference["fields"] == ["outcome"]
    assert json.loads(difference["recorded"]["body"])["outcome"] == "confirmed"
    assert json.loads(difference["replayed"]["body"])["outcome"] == "failed"
    text = await shell_of_copy("replay", "--check", "--to", str(last))
    assert text.code == Exit.NOT_MET
    for part in ("different from decision", "what differs: outcome", "recorded: DECISIONS:", "replayed: dev."):
        assert part in text.out


@pytest.fixture
async def shell_of_copy(nats_server: EmbeddedNats, tmp_path: Path) -> AsyncIterator[Command]:
    """Runs commands on a copy of the server in which the last decision was altered by hand."""
    copies: list[EmbeddedNats] = []

    async def run(*arguments: str) -> Finished:
        if not copies:
            await nats_server.stop()
            await asyncio.to_thread(shutil.copytree, tmp_path / "nats", tmp_path / "copy")
            await nats_server.start()
            copy = EmbeddedNats(tmp_path / "copy")
            await copy.start()
            copies.append(copy)
            await alter_last_decision(copy.url)
        return await replace(Shell(tmp_path), variables={"NATS_URL": copies[0].url}).run(*arguments)

    yield run
    for copy in copies:
        await copy.stop()


async def alter_last_decision(url: str) -> None:
    bus = await NatsBus.connect(Settings(nats_url=url), name="vandal")
    last = await bus.get(DECISIONS, await bus.last_seq(DECISIONS))
    assert last is not None
    await bus.close()
    client = await nats.connect(url)
    await client.jetstream().delete_msg(DECISIONS, last.seq)
    await client.jetstream().publish(last.subject, last.body.replace(b'"failed"', b'"confirmed"'))
    await client.close()


async def test_a_past_that_is_gone_is_told(
    nats_server: EmbeddedNats, thalamus: Running, on_server: Command
) -> None:
    last = await a_morning(thalamus)
    client = await nats.connect(nats_server.url)
    for seq in (1, 2, last):
        await client.jetstream().delete_msg(SENSES, seq)
    await client.close()
    finished = await on_server("replay", "--from", "1", "--to", str(last), "-o", "json")
    assert finished.code == Exit.OK
    assert "the 2 inputs before SENSES:3 are gone" in finished.talk
    assert {json.loads(line)["body"]["region"] for line in finished.out.splitlines()} == {"smoke"}


async def test_an_empty_range_is_told(thalamus: Running, on_server: Command) -> None:
    finished = await on_server("replay", "--from", "99999")
    assert finished.code == Exit.NOT_MET
    assert "no input in this range" in finished.talk


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "--from", "yesterday"),
        ("replay", "--garden", "Eden"),
        ("replay", "--as", "real"),
        ("replay", "--as", "virtual.x", "--check"),
        ("replay", "--as", "virtual.x", "--garden", "virtual.x"),
        ("whatif",),
        ("whatif", "--set", "math.moon=1"),
        ("whatif", "--sweep", "threshold"),
        ("rules", "set", "math.moon=1"),
        ("rules", "set", "math.threshold=-1"),
        ("rules", "rollback", "moon"),
        ("explain", "math", "--at", "moon"),
        ("play", "nothing.jsonl.gz"),
    ],
)
async def test_a_wrong_question_is_one_sentence(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    finished = await Shell(tmp_path).run(*arguments, NATS_URL="nats://127.0.0.1:9")
    assert finished.code == Exit.USAGE, finished.talk
    assert finished.out == ""


async def test_whatif_lists_what_other_rules_would_have_changed(thalamus: Running, on_server: Command) -> None:
    last = await a_morning(thalamus)
    asked = ("whatif", "--to", str(last), "--set")
    gained = (await on_server(*asked, "dust.threshold=0.7", "-o", "json")).document
    assert (gained["gained"][0]["gate"], gained["gained"][0]["to_state"]) == ("real/dust", 1)
    assert gained["lost"] == []
    lost = (await on_server(*asked, "threshold=50", "-o", "json")).document
    assert "real/toast" in {one["gate"] for one in lost["lost"]}
    assert "real/smoke" not in {one["gate"] for one in lost["lost"]}  # a region's own threshold is nearer
    assert lost["rules"] == [{"threshold": 50.0}]
    same = (await on_server(*asked, "smoke.threshold=2.0", "-o", "json")).document
    assert (same["same"], same["gained"], same["lost"], same["moved"]) == (same["before"], [], [], [])
    table = await on_server(*asked, "dust.threshold=0.7")
    assert table.code == Exit.OK
    assert "gained" in table.out
    assert "real/dust  STABLE → OPEN" in table.out


async def test_whatif_takes_a_file_of_rules(thalamus: Running, on_server: Command, tmp_path: Path) -> None:
    last = await a_morning(thalamus)
    file = tmp_path / "rules.toml"
    file.write_text('[[rules]]\nregion = "dust"\nthreshold = 0.7\n')
    document = (await on_server("whatif", "--rules", str(file), "--to", str(last), "-o", "json")).document
    assert document["gained"][0]["gate"] == "real/dust"


async def test_a_sweep_counts_openings(thalamus: Running, on_server: Command) -> None:
    last = await a_morning(thalamus)
    asked = ("whatif", "--sweep", "threshold=0.5:9:3", "--to", str(last))
    document = (await on_server(*asked, "-o", "json")).document
    counts = [row["openings"] for row in document["values"]]
    assert [row["value"] for row in document["values"]] == [0.5, 4.75, 9.0]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    assert document["values"][0]["per_hour"] == pytest.approx(counts[0] / document["hours"])
    plot = await on_server(*asked)
    assert "per hour" in plot.out
    assert "█" * 40 in plot.out


async def openings(bus: NatsBus, garden: str) -> list[tuple[str, int]]:
    """Which gates of a garden opened, and how many milliseconds after the first."""
    last = await bus.last_seq(DECISIONS)
    found = []
    for seq in range(1, last + 1):
        message = await bus.get(DECISIONS, seq)
        body = json.loads(message.body) if message else {}
        if (
            message
            and message.subject.endswith(".transition")
            and (body["garden"], body["to_state"]) == (garden, 1)
        ):
            found.append((body["region"], body["at"]))
    times = [datetime.fromisoformat(at) for _, at in found]
    return [
        (region, round((at - times[0]).total_seconds() * 1000))
        for (region, _), at in zip(found, times, strict=True)
    ]


async def test_a_recording_that_is_played_opens_the_same_gates_at_the_same_times(
    thalamus: Running, on_server: Command, tmp_path: Path
) -> None:
    for label in ("toast", "smoke", "calculate"):
        await agree(thalamus, label)
    file = tmp_path / "morning.jsonl.gz"
    recorded = (await on_server("record", str(tmp_path / "morning"), "-o", "json")).document
    assert recorded["file"] == str(file)
    assert recorded["messages"] >= 6
    played = await on_server("play", str(file), "--speed", "max", "-o", "json")
    assert played.code == Exit.OK, played.talk
    assert played.document == {"garden": "virtual.morning", "waves": 6}
    real = await openings(thalamus.bus, "real")
    assert [region for region, _ in real] == ["toast", "smoke", "math"]
    async with asyncio.timeout(60):
        while len(await openings(thalamus.bus, "virtual.morning")) < 3:
            pass
    assert await openings(thalamus.bus, "virtual.morning") == real

    again = await on_server("play", str(file), "--speed", "max")
    assert again.code == Exit.USAGE
    assert "choose a garden that nobody used" in again.talk
    other = await on_server("replay", "--as", "virtual.other", "--speed", "max", "--to", str(recorded["last"]))
    assert (other.code, other.out) == (Exit.OK, "6 waves in virtual.other\n")
    async with asyncio.timeout(60):
        while len(await openings(thalamus.bus, "virtual.other")) < 3:
            pass
    assert await openings(thalamus.bus, "virtual.other") == real


async def test_a_file_that_is_not_whole_is_refused_before_anything_is_published(
    thalamus: Running, on_server: Command, tmp_path: Path
) -> None:
    await agree(thalamus, "toast")
    await on_server("record", str(tmp_path / "a"))
    whole = (tmp_path / "a.jsonl.gz").read_bytes()
    torn, altered = tmp_path / "torn.jsonl.gz", tmp_path / "altered.jsonl.gz"
    torn.write_bytes(whole[:-20])
    altered.write_bytes(gzip.compress(gzip.decompress(whole).replace(b"0.7", b"0.8")))
    before = await thalamus.bus.last_on(SENSES, "dev.nervous.cells.*.wave")
    for file, says in ((torn, "cut short"), (altered, "altered")):
        finished = await on_server("play", str(file), "--speed", "max")
        assert finished.code == Exit.USAGE
        assert says in finished.talk
    assert await thalamus.bus.last_on(SENSES, "dev.nervous.cells.*.wave") == before


async def test_only_who_says_real_plays_into_the_real_garden(
    thalamus: Running, on_server: Command, tmp_path: Path
) -> None:
    await agree(thalamus, "toast")
    await on_server("record", str(tmp_path / "a"))
    played = await on_server(
        "play", str(tmp_path / "a.jsonl.gz"), "--as", "real", "--speed", "max", "-o", "json"
    )
    assert played.document == {"garden": "real", "waves": 2}


async def test_explain_tells_how_a_gate_stood(thalamus: Running, on_server: Command) -> None:
    first = await thalamus.wave("nose", semantic="toast", confidence=0.7)
    opened = await thalamus.wave("tongue", semantic="toast", confidence=0.7)
    last = await a_morning(thalamus)
    before = (await on_server("explain", "toast", "--at", str(first), "-o", "json")).document
    assert (before["gate"]["state"], before["last"], before["input_seq"]) == (0, None, first)
    assert "only one witness" in before["why"]
    then = (await on_server("explain", "toast", "--at", str(opened), "-o", "json")).document
    assert (then["gate"]["state"], then["last"]["input_seq"]) == (1, opened)
    assert [witness["witness"] for witness in then["witnesses"]] == ["nose", "tongue"]
    text = await on_server("explain", "toast", "--at", str(opened))
    assert "open, and stays open" in text.out
    assert "last transition" in text.out
    now = await on_server("explain", "toast", "--at", "-0s", "-o", "json")
    assert now.document["input_seq"] >= last
    unknown = await on_server("explain", "moon", "--at", str(opened))
    assert unknown.code == Exit.REFUSED
    assert "nothing was heard" in unknown.talk


async def test_explain_goes_on_from_a_snapshot(nats_server: EmbeddedNats, on_server: Command) -> None:
    async with running(nats_server, snapshot_inputs=1) as life:
        opened = await agree(life, "toast")
        last = await a_morning(life)
    told = (await on_server("explain", "toast", "--at", str(last), "-o", "json")).document
    assert told["last"]["input_seq"] >= opened
    assert told["input_seq"] == last


async def rules_now(life: Running) -> GatesAnswer:
    await life.folded(await life.bus.last_seq(SENSES))
    answer = await life.bus.request("dev.nervous.thalamus.gates.request", b"", timeout_s=5)
    return GatesAnswer.from_bytes(answer.body)


async def test_rules_are_set_shown_and_taken_back(thalamus: Running, on_server: Command) -> None:
    await agree(thalamus, "toast")
    made = (await on_server("rules", "set", "toast.threshold=0.7", "--why", "too deaf", "-o", "json")).document
    assert made["change"] | {"who": ""} == {
        "region": "toast",
        "threshold": 0.7,
        "who": "",
        "why": "too deaf",
    }
    assert made["change"]["who"]
    [gate] = (await rules_now(thalamus)).gates
    assert gate.threshold == 0.7
    shown = await on_server("rules", "show")
    assert f"version {made['seq']}" in shown.out
    assert "toast" in shown.out
    second = (await on_server("rules", "set", "toast.threshold=0.9", "--garden", "real", "-o", "json")).document
    [gate] = (await rules_now(thalamus)).gates
    assert gate.threshold == 0.9

    told = (await on_server("rules", "history", "-o", "json")).document
    assert [record["seq"] for record in told][-2:] == [made["seq"], second["seq"]]
    assert told[-2]["change"]["why"] == "too deaf"
    assert told[0]["change"]["who"] == "math/1.0.0"
    table = await on_server("rules", "history")
    assert "toast.threshold=0.7" in table.out
    assert "too deaf" in table.out

    wrong = await on_server("rules", "rollback", "99999")
    assert wrong.code == Exit.USAGE
    assert str(made["seq"]) in wrong.talk
    back = await on_server("rules", "rollback", str(made["seq"]), "--why", "worse")
    assert back.code == Exit.OK, back.talk
    [gate] = (await rules_now(thalamus)).gates
    assert gate.threshold == 0.7
    assert f"rollback to {made['seq']}" in (await on_server("rules", "history")).out


async def test_a_rule_that_cannot_be_is_never_published(thalamus: Running, on_server: Command) -> None:
    before = await thalamus.bus.last_on(SENSES, "dev.nervous.thalamus.rules")
    finished = await on_server("rules", "set", "math.threshold=0.7", "math.treshold=1")
    assert finished.code == Exit.USAGE
    assert "tau_ms, threshold, hysteresis" in finished.talk
    assert await thalamus.bus.last_on(SENSES, "dev.nervous.thalamus.rules") == before


async def test_rules_in_the_shadow_are_compared_and_dropped(thalamus: Running, on_server: Command) -> None:
    for refused in (("rules", "compare"), ("rules", "drop")):
        assert (await on_server(*refused)).code == Exit.NOT_MET
    begun = (await on_server("rules", "set", "threshold=0.5", "--shadow", "-o", "json")).document
    assert RuleChange.from_fields(begun["change"]).shadow == "on"
    await agree(thalamus, "toast", 0.4)
    last = await agree(thalamus, "smoke", 0.8)
    async with asyncio.timeout(60):
        async for message in thalamus.bus.read(DECISIONS, after=0):
            if json.loads(message.body)["input_seq"] == last and message.subject.endswith(".shadow"):
                break
    told = (await on_server("rules", "compare", "-o", "json")).document
    assert (told["began"], told["ended"]) == (begun["seq"], None)
    assert told["gained"][0]["gate"] == "real/toast"
    assert told["same"] >= 1
    assert "Tried in the shadow" in (await on_server("rules", "show")).out
    assert (await on_server("replay", "--check", "--to", str(last))).code == Exit.OK

    assert (await on_server("rules", "drop")).code == Exit.OK
    ended = (await on_server("rules", "compare", "-o", "json")).document
    assert ended["ended"] > begun["seq"]
    assert (await on_server("rules", "compare")).code == Exit.OK
