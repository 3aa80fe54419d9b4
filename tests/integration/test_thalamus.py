"""The thalamus process on a real server: what a researcher publishes, and what comes of it."""

import json
from collections.abc import AsyncIterator

import pytest

from console.embedded import EmbeddedNats
from shared.v1.bus_nats import NatsBus
from shared.v1.errors import RefusedError, TryAgainError
from shared.v1.messages import DeadLetter, Explanation, GatesAnswer
from shared.v1.runtime import EXIT_FAILED, EXIT_OK
from shared.v1.states import GateState
from shared.v1.streams import DEAD, DECISIONS, SENSES
from tests.integration.thalamus_running import Running, running
from thalamus.settings import ThalamusSettings


@pytest.fixture
async def thalamus(nats_server: EmbeddedNats) -> AsyncIterator[Running]:
    async with running(nats_server) as made:
        yield made


async def test_what_a_researcher_types_opens_the_math_gate(thalamus: Running) -> None:
    await thalamus.publish("nervous.cells.math.wave", '{"confidence":0.6}')
    await thalamus.publish("nervous.cells.abacus.wave", '{"semantic":"calculate","confidence":0.5}')
    opened = await thalamus.nth(DECISIONS, 1)
    raised = await thalamus.nth(DECISIONS, 2)
    assert opened.subject == "dev.nervous.thalamus.math.transition"
    assert raised.subject == "dev.nervous.thalamus.math.escalation"
    body = json.loads(opened.body)
    assert (body["from_state"], body["to_state"]) == (0, 1)
    assert [wave["witness"] for wave in body["evidence"]] == ["math", "abacus"]
    assert json.loads(raised.body)["transition"] == body["id"]


@pytest.mark.parametrize(
    ("subject", "body", "says"),
    [
        ("nervous.cells.math.wave", '{"confidence":7}', "confidence is 7"),
        ("nervous.cells.math.wave", '{"confidence"', "not JSON"),
        ("nervous.cells.math.wave", "", "empty"),
        ("nervous.cells.math.wave", '{"confidence":0.5,"payload":"' + "x" * 900_000 + '"}', "at most 65536"),
        ("nervous.cells.Math.wave", '{"confidence":0.5}', "'math'"),
        ("nervous.Cells.math.wave", '{"confidence":0.5}', "'cells'"),
        ("nervous.cell.math.wave", '{"confidence":0.5}', "waves are published on dev.nervous.cells.NAME.wave"),
        ("nervous.cells.math.wave", '{"confidence":0.5,"source":"abacus"}', "source is 'abacus'"),
        ("nervous.outcomes.math", '{"outcome":"confirmed"}', "does not remember"),
        ("nervous.thalamus.rules", '{"threshold":-1}', "threshold is -1"),
    ],
)
async def test_bad_input_goes_to_dead_with_a_sentence_and_moves_no_gate(
    thalamus: Running, subject: str, body: str, says: str
) -> None:
    await thalamus.publish(subject, body)
    buried = await thalamus.nth(DEAD, 1)
    letter = DeadLetter.from_bytes(buried.body)
    assert says in letter.reason
    assert buried.subject.startswith("dev.dead.nervous.")
    assert (letter.subject, letter.size, letter.truncated) == (f"dev.{subject}", len(body), False)
    assert await thalamus.bus.last_seq(DECISIONS) == 0


async def test_a_gate_empties_by_the_ticks_of_the_thalamus_alone(thalamus: Running) -> None:
    await thalamus.bus.append("dev.nervous.thalamus.rules", b'{"region":"math","tau_ms":50}')
    await thalamus.wave("math", confidence=0.9)
    await thalamus.wave("abacus", confidence=0.9, semantic="sum")
    emptied = await thalamus.nth(DECISIONS, 3)
    assert (json.loads(emptied.body)["to_state"], json.loads(emptied.body)["cause"]) == (0, "decay")


async def test_people_may_ask_how_gates_stand_and_why(thalamus: Running) -> None:
    seq = await thalamus.wave("math", confidence=0.6)
    await thalamus.folded(seq)
    answer = await thalamus.bus.request(
        "dev.nervous.thalamus.explain.request", b'{"region":"math"}', timeout_s=5
    )
    explained = Explanation.from_bytes(answer.body)
    assert explained.gate.state is GateState.STABLE
    assert "only one witness" in explained.why
    assert "one further witness with a confidence of at least 0.3" in explained.missing
    assert [witness.witness for witness in explained.witnesses] == ["math"]
    with pytest.raises(RefusedError, match="nothing was heard about real/nowhere"):
        await thalamus.bus.request("dev.nervous.thalamus.explain.request", b'{"region":"nowhere"}', timeout_s=5)


async def test_a_restart_neither_doubles_nor_loses_decisions(nats_server: EmbeddedNats) -> None:
    async with running(nats_server) as first:
        await first.wave("math", confidence=0.6)
        await first.wave("abacus", confidence=0.6, semantic="sum")
        await first.nth(DECISIONS, 2)
        before = await first.decisions()
        first.task.cancel()  # in the middle of whatever it does
    bus = await NatsBus.connect(ThalamusSettings(nats_url=nats_server.url), name="meanwhile")
    for cell in ("nose", "tongue"):
        await bus.append(f"dev.nervous.cells.{cell}.wave", b'{"semantic":"toast","confidence":0.7}')
    await bus.close()
    async with running(nats_server) as second:
        while True:
            after = await second.decisions()
            if after and "toast.escalation" in after[-1].subject:
                break
    assert after[: len(before)] == before
    raised = [message.subject for message in after if message.subject.endswith(".escalation")]
    assert raised == ["dev.nervous.thalamus.math.escalation", "dev.nervous.thalamus.toast.escalation"]


async def test_decisions_that_a_crash_left_unsaid_are_said_after_it(
    nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def power_cut(*args: object, **fields: object) -> int:
        raise RuntimeError("power cut before the decisions were stored")

    async with running(nats_server) as first:
        monkeypatch.setattr(first.context.bus, "append_all", power_cut)
        await first.wave("math", confidence=0.6)
        await first.wave("abacus", confidence=0.6, semantic="sum")
        assert await first.task == EXIT_FAILED
        assert await first.decisions() == []
    async with running(nats_server) as second:
        kinds = [(await second.nth(DECISIONS, place)).subject.rsplit(".", 1)[1] for place in (1, 2)]
    assert kinds == ["transition", "escalation"]


async def test_a_second_writer_makes_the_thalamus_step_down(thalamus: Running) -> None:
    await thalamus.bus.append(
        "dev.nervous.thalamus.math.transition", b'{"input_seq": 1, "id": "of another thalamus"}'
    )
    await thalamus.wave("math", confidence=0.6)
    await thalamus.wave("abacus", confidence=0.6, semantic="sum")
    assert await thalamus.task == EXIT_FAILED
    assert await thalamus.bus.last_seq(DECISIONS) == 1


async def test_an_acknowledgement_that_was_lost_is_not_taken_for_a_refusal(
    thalamus: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_all = thalamus.context.bus.append_all
    lost = 0

    async def lossy(*args: object, **fields: object) -> int:
        nonlocal lost
        end = await append_all(*args, **fields)  # type: ignore[arg-type]
        if not lost:
            lost += 1
            raise TryAgainError("the acknowledgement was lost")
        return end

    monkeypatch.setattr(thalamus.context.bus, "append_all", lossy)
    await thalamus.wave("math", confidence=0.6)
    await thalamus.wave("abacus", confidence=0.6, semantic="sum")
    await thalamus.nth(DECISIONS, 2)
    for cell in ("nose", "tongue"):
        await thalamus.wave(cell, confidence=0.7, semantic="toast")
    await thalamus.nth(DECISIONS, 4)
    assert lost == 1
    raised = [message.subject for message in await thalamus.decisions() if "escalation" in message.subject]
    assert raised == ["dev.nervous.thalamus.math.escalation", "dev.nervous.thalamus.toast.escalation"]


async def test_what_manifests_declare_is_taught_once_and_people_may_overrule_it(
    nats_server: EmbeddedNats,
) -> None:
    async with running(nats_server) as first:
        await first.bus.append("dev.nervous.thalamus.rules", b'{"region":"math","tau_ms":700}')
        taught = await first.bus.last_seq(SENSES)
        await first.folded(taught)
    async with running(nats_server) as second:
        await second.folded(taught)
        assert await second.bus.last_seq(SENSES) == taught
        await second.folded(await second.wave("math", confidence=0.1, semantic="calculate"))
        answer = await second.bus.request("dev.nervous.thalamus.gates.request", b"", timeout_s=5)
    [gate] = GatesAnswer.from_bytes(answer.body).gates
    assert (gate.region, gate.tau_ms) == ("math", 700)


async def test_draining_ends_the_thalamus_with_success(thalamus: Running) -> None:
    thalamus.context.draining.set()
    assert await thalamus.task == EXIT_OK
