"""Power cuts: the server, the thalamus, Gemma or Nyx is killed in the middle of the chain, again and again.

Each round two witnesses agree about a region of its own. Whatever is killed at whatever moment, each round
must leave exactly one escalation, one request and one response in the streams.
NIMMERVERSE_TEST_KILLS sets how many rounds there are, NIMMERVERSE_TEST_SEED which moments they hit.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from console.demo import WITHOUT_MODELS
from console.organism import SERVER, Organism, Plan
from shared.v1.bus import Bus, Stored
from shared.v1.messages import CognitiveRequest, CognitiveResponse, Escalation
from shared.v1.streams import COGNITION, DEAD, DECISIONS, ConsumerSpec, gemma_consumer, nyx_consumer
from shared.v1.subjects import NYX
from tests.patience import surely

ROUNDS = int(os.environ.get("NIMMERVERSE_TEST_KILLS", "30"))
SEED = int(os.environ.get("NIMMERVERSE_TEST_SEED", "7"))
VICTIMS = (SERVER, "thalamus", "gemma", "nyx")

CHAIN_S = 0.06
"""Seconds in which a whole chain passes without models: a kill falls somewhere into them."""

ROUND_S = 60.0
RESPONSES = NYX.subject("dev", "response")
REQUESTS = NYX.subject("dev", "request")
ESCALATIONS = "dev.nervous.thalamus.*.escalation"


@pytest.fixture
async def organism(tmp_path: Path) -> AsyncIterator[Organism]:
    async with Organism(Plan(folder=tmp_path, cells=(), environment=WITHOUT_MODELS)) as organism:
        await organism.ready(lambda _: None, within_s=60)
        yield organism


@pytest.mark.timeout(60 + ROUNDS * ROUND_S)
async def test_whatever_is_killed_every_collapse_is_answered_exactly_once(organism: Organism) -> None:
    chance = random.Random(SEED)
    bus = organism.bus
    rounds = [f"kill-{number:02}" for number in range(ROUNDS)]
    took = []
    async with aclosing(bus.read(COGNITION, after=0, filters=[RESPONSES])) as responses:  # type: ignore[type-var]
        for region in rounds:
            victim = chance.choice(VICTIMS)
            moment = chance.uniform(0.0, CHAIN_S)
            process = organism.processes[victim]
            deaths = process.restarts
            started = time.monotonic()
            await _agree(bus, region)
            await asyncio.sleep(moment)  # the kill comes at a moment, not at an event
            organism.kill(victim)
            try:
                async with asyncio.timeout(ROUND_S):
                    while CognitiveResponse.from_bytes((await anext(responses)).body).region != region:
                        pass
                    await organism.changes.until(lambda: process.restarts > deaths)  # noqa: B023
                    await organism.ready(lambda _: None, within_s=ROUND_S)
            except TimeoutError:
                pytest.fail(
                    f"{region}: no answer {ROUND_S} s after {victim} was killed at {moment * 1000:.1f} ms"
                )
            took.append(time.monotonic() - started)

    await _until_worked_off(bus, DECISIONS, ESCALATIONS, gemma_consumer("dev"))
    await _until_worked_off(bus, COGNITION, REQUESTS, nyx_consumer("dev"))
    once = Counter(rounds)
    escalations = [Escalation.from_bytes(m.body) for m in await _all(bus, DECISIONS, ESCALATIONS)]
    requests = [CognitiveRequest.from_bytes(m.body) for m in await _all(bus, COGNITION, REQUESTS)]
    answers = [CognitiveResponse.from_bytes(m.body) for m in await _all(bus, COGNITION, RESPONSES)]
    assert Counter(escalation.region for escalation in escalations) == once
    assert Counter(request.region for request in requests) == once
    assert Counter(answer.region for answer in answers) == once
    assert {request.escalation for request in requests} == {escalation.id for escalation in escalations}
    assert {answer.request for answer in answers} == {request.id for request in requests}
    assert await _all(bus, DEAD, "dev.dead.>") == []
    assert sum(process.restarts for process in organism.processes.values()) == ROUNDS
    print(f"\n{ROUNDS} kills: {sum(took):.0f} s, slowest round {max(took):.1f} s")  # noqa: T201


async def _agree(bus: Bus, region: str) -> None:
    """Two witnesses say the same about a region that nobody has spoken of."""
    body = b'{"semantic": "%s", "confidence": 0.6}' % region.encode()
    for witness in ("left", "right"):
        subject = f"dev.nervous.cells.{witness}.wave"
        await surely(lambda subject=subject: bus.append(subject, body, message_id=f"{region}-{subject}"))  # type: ignore[misc]


async def _until_worked_off(bus: Bus, stream: str, subject: str, consumer: ConsumerSpec) -> None:
    """Wait until nothing is left that could be delivered, and answered, again."""
    newest = await surely(lambda: bus.last_on(stream, subject))
    assert newest is not None
    async with asyncio.timeout(ROUND_S):
        while await surely(lambda: bus.acked_up_to(consumer)) < newest.seq:  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.1)


async def _all(bus: Bus, stream: str, subject: str) -> list[Stored]:
    found = []
    message = await surely(lambda: bus.next_on(stream, subject))
    while message is not None:
        found.append(message)
        since = message.seq + 1
        message = await surely(lambda since=since: bus.next_on(stream, subject, since=since))  # type: ignore[misc]
    return found
