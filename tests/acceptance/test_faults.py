"""Faults around the thalamus: two of them run, and the leader, the standby or the server is killed or paused.

Each round two witnesses agree about a region of its own while something fails. In the end the decisions are,
byte by byte, those of a life in which nothing failed, and every collapse was escalated exactly once.
NIMMERVERSE_TEST_FAULTS sets how many rounds there are, NIMMERVERSE_TEST_SEED which faults they see.
"""

import asyncio
import json
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import nats
import pytest

from console.demo import WITHOUT_MODELS
from console.organism import SERVER, Organism, Plan
from console.program import UnitProgram
from console.supervisor import Supervised
from shared.v1.bus import Bus, Stored
from shared.v1.streams import DECISIONS, SENSES
from shared.v1.subjects import Kind, decision
from tests.patience import surely
from thalamus.fold import State
from thalamus.replay import take

ROUNDS = int(os.environ.get("NIMMERVERSE_TEST_FAULTS", "30"))
SEED = int(os.environ.get("NIMMERVERSE_TEST_SEED", "11"))
FAULTS = (
    "kill one",
    "kill other",
    "kill both",
    "kill server",
    "pause one",
    "pause other",
    "kill one and server",
)
ROUND_S = 60.0
MOMENT_S = 0.05
"""A fault comes somewhere in the time that a collapse takes."""

DEDUPE_S = 0.1
"""The shortest window that a server allows: every restart outlasts it."""


@dataclass
class Pair:
    """A nervous system with two thalami."""

    organism: Organism
    thalami: tuple[Supervised, Supervised]

    def end(self, fault: str) -> None:
        """Kill what a fault names; pausing ones are left alone."""
        one, other = self.thalami
        named = {"one": [one], "other": [other], "both": [one, other], "server": [], "one and server": [one]}
        for process in named[fault]:
            if process.pid is not None:
                os.kill(process.pid, signal.SIGKILL)
        if "server" in fault:
            self.organism.kill(SERVER)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    environment = {**WITHOUT_MODELS, "NIMMERVERSE_SNAPSHOT_INPUTS": "7", "NIMMERVERSE_LEASE_S": "0.5"}
    async with Organism(Plan(folder=tmp_path, cells=(), environment=environment)) as organism:
        await organism.ready(lambda _: None, within_s=60)
        await _shorten_dedupe_windows(organism)
        settings = organism.settings
        variables = {**environment, "NATS_URL": settings.nats_url, "NIMMERVERSE_NATS_URL": settings.nats_url}
        standby = Supervised(
            "standby",
            UnitProgram("thalamus", variables, tmp_path / "standby.log"),
            beats=False,
            changed=organism.changes.note,
        )
        await standby.start()
        try:
            yield Pair(organism, (organism.processes["thalamus"], standby))
        finally:
            await standby.stop(2.0)


@pytest.mark.timeout(120 + ROUNDS * ROUND_S)
async def test_whatever_fails_decisions_are_those_of_a_life_without_faults(pair: Pair) -> None:
    chance = random.Random(SEED)
    bus = pair.organism.bus
    rounds = [f"fault-{number:03}" for number in range(ROUNDS)]
    pattern = decision("dev", "*", Kind.ESCALATION)
    async with aclosing(bus.read(DECISIONS, after=0, filters=[pattern])) as raised:  # type: ignore[type-var]
        for region in rounds:
            fault = chance.choice(FAULTS)
            await _agree(bus, region)
            await asyncio.sleep(chance.uniform(0.0, MOMENT_S))  # a fault comes at a moment, not at an event
            verb, _, named = fault.partition(" ")
            paused = None
            if verb == "pause":
                paused = pair.thalami[named == "other"].pid
                if paused is not None:
                    os.kill(paused, signal.SIGSTOP)
            else:
                pair.end(named)
            try:
                async with asyncio.timeout(ROUND_S):
                    while json.loads((await anext(raised)).body)["region"] != region:
                        pass
            except TimeoutError:
                pytest.fail(f"{region}: no escalation within {ROUND_S} s after: {fault}")
            finally:
                if paused is not None:
                    os.kill(paused, signal.SIGCONT)
    await _check(bus, rounds)


async def _check(bus: Bus, rounds: list[str]) -> None:
    """Fold everything once more without faults, and compare."""
    recorded = [(stored.subject, stored.body) for stored in await _all(bus, DECISIONS)]
    state, expected = State(), []
    for message in await _all(bus, SENSES):
        expected += [
            (decision("dev", made.region, made.kind), made.to_bytes()) for made in take(state, message)
        ]
    # The inputs were read later than the decisions, and ticks go on: only their end may be ahead.
    assert expected[: len(recorded)] == recorded
    escalated = Counter(json.loads(body)["region"] for subject, body in recorded if "escalation" in subject)
    assert escalated == Counter(rounds)


async def _all(bus: Bus, stream: str) -> list[Stored]:
    end = await surely(lambda: bus.last_seq(stream))
    kept = [await surely(lambda seq=seq: bus.get(stream, seq)) for seq in range(1, end + 1)]  # type: ignore[misc]
    assert None not in kept
    return [message for message in kept if message is not None]


async def _agree(bus: Bus, region: str) -> None:
    """Two witnesses speak; a wave that is said twice, because its answer was lost, counts once."""
    for witness in ("left", "right"):
        subject = f"dev.nervous.cells.{witness}.wave"
        body = json.dumps({"id": f"{region}-{witness}", "semantic": region, "confidence": 0.6}).encode()
        await surely(lambda subject=subject, body=body: bus.append(subject, body))  # type: ignore[misc]


async def _shorten_dedupe_windows(organism: Organism) -> None:
    client = await nats.connect(organism.settings.nats_url)
    manager = client.jsm()
    for name in (SENSES, DECISIONS):
        config = (await manager.stream_info(name)).config
        config.duplicate_window = DEDUPE_S
        await manager.update_stream(config)
    await client.close()
