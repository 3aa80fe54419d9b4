"""The chain is recognised by the ids of its links, in whatever order they arrive."""

import json
from itertools import permutations
from typing import Any

import pytest

from console.chain import LINKS, Chain
from shared.v1.bus import Message
from shared.v1.cell import COMMAND_HEADER

WAVES = {"w-math": "dev.nervous.cells.math.wave", "w-calculate": "dev.nervous.cells.calculate.wave"}
AT = "2026-01-31T12:00:00.000Z"
REGION: dict[str, Any] = {"region": "math", "garden": "real"}
DECISION: dict[str, Any] = {**REGION, "input_seq": 2, "rules": 0, "at": AT}
GATE: dict[str, Any] = {"correlation": 1.36, "confidence": 0.8, "weight": 0.1, "tier": 4}


def _evidence(id: str, seq: int) -> dict[str, Any]:
    figures = {"confidence": 0.5, "valence": 1.0, "age_ms": 0, "contribution": 0.6}
    return {"seq": seq, "witness": "math", "semantic": "math", "id": id, **figures}


EVIDENCE = [_evidence(id, seq) for seq, id in enumerate(WAVES, start=1)]


def _message(subject: str, command: str = "", **fields: Any) -> Message:
    headers = {COMMAND_HEADER: command} if command else {}
    return Message(subject=subject, body=json.dumps(fields).encode(), headers=headers)


def _whole(outcome: str = "confirmed") -> list[Message]:
    thalamus = "dev.nervous.thalamus.math"
    return [
        *(_message(subject, id=id, confidence=0.5) for id, subject in WAVES.items()),
        _message(
            f"{thalamus}.transition",
            id="tr",
            gate="real/math",
            from_state=0,
            to_state=1,
            cause="collapse",
            value=0.58,
            evidence=EVIDENCE,
            **DECISION,
            **GATE,
        ),
        _message(f"{thalamus}.escalation", id="es", transition="tr", evidence=EVIDENCE, **DECISION, **GATE),
        _message(
            "dev.cognitive.nyx.request",
            id="rq",
            escalation="es",
            transition="tr",
            event="math",
            confidence=0.8,
            actions=[{"id": "math.compute", "confidence": 1.0}],
            suggested="math.compute",
            rendered_by="rules",
            budget=1.0,
            deadline=AT,
            **REGION,
        ),
        _message(
            "dev.cognitive.nyx.response",
            id="rs",
            request="rq",
            transition="tr",
            decision="math.compute",
            confidence=0.9,
            decided_by="rules",
            commands=[{"target": "nervous.cells.math", "verb": "compute", "id": "cm"}],
            **REGION,
        ),
        _message("dev.nervous.cells.math.request", command="cm", operation="add"),
        _message("dev.nervous.cells.math.response", command="cm", result="42"),
        _message("dev.nervous.outcomes.math", outcome=outcome, about="rs", detail="because"),
        _message(
            f"{thalamus}.weight",
            id="wt",
            gate="real/math",
            outcome=outcome,
            about="rs",
            opening="tr",
            before=0.1,
            after=0.2,
            tier=4,
            **DECISION,
        ),
    ]


def _fed(messages: list[Message]) -> Chain:
    chain = Chain(WAVES)
    for message in messages:
        chain.take(message)
    return chain


def test_a_whole_chain_misses_nothing_and_is_told_in_order() -> None:
    chain = Chain(WAVES)
    found = [link.name for message in _whole() for link in chain.take(message)]
    assert found == ["waves", *LINKS]
    assert (chain.missing, chain.fault) == ((), "")
    document = chain.document()
    assert list(document) == list(LINKS)
    assert document["result"] == {"subject": "dev.nervous.cells.math.response", "result": "42"}
    assert [wave["id"] for wave in document["waves"]] == list(WAVES)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_messages_may_overtake_each_other(order: tuple[int, ...]) -> None:
    messages = _whole()
    shuffled = messages[:5] + [messages[5 + place] for place in order] + messages[9:]
    assert _fed(shuffled).missing == ()


@pytest.mark.parametrize("dropped", range(10))
def test_without_any_one_message_the_chain_is_not_whole(dropped: int) -> None:
    messages = _whole()
    del messages[dropped]
    missing = _fed(messages).missing
    assert missing
    assert missing[0] == ["waves", *LINKS][dropped]


def test_a_message_of_another_chain_is_no_link() -> None:
    messages = _whole()
    strange = _message("dev.nervous.cells.math.response", command="other", result="43")
    chain = _fed([*messages[:7], strange])
    assert chain.missing[0] == "result"


def test_a_persons_request_is_no_command() -> None:
    chain = _fed([*_whole()[:6], _message("dev.nervous.cells.math.request", operation="add")])
    assert chain.missing[0] == "command"


def test_a_failed_outcome_is_the_end_and_says_why() -> None:
    assert _fed(_whole(outcome="failed")).fault == "it failed: because"


def test_noise_is_no_link() -> None:
    noise = [
        Message(subject=WAVES["w-math"], body=b"\xff"),
        Message(subject="dev.nervous.thalamus.math.transition", body=b"{}"),
        Message(subject="No.Subject.of ours", body=b""),
        _message("dev.nervous.thalamus.tick"),
    ]
    assert _fed([message for real in _whole() for message in (*noise, real)]).missing == ()
