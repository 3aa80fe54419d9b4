"""Snapshots, standbys and takeovers: whatever happens, the decisions are those of a life without faults."""

import asyncio
import json

from console.embedded import EmbeddedNats
from shared.v1.bus import Stored
from shared.v1.bus_nats import NatsBus
from shared.v1.runtime import EXIT_FAILED
from shared.v1.settings import Settings
from shared.v1.states import UnitState
from shared.v1.streams import DECISIONS
from tests.integration.thalamus_running import Running, running
from thalamus.keeper import BUCKET, KEPT
from thalamus.snapshot import decode


async def collapse(life: Running, region: str) -> int:
    """Two cells agree about a new region; returns the position of the second wave."""
    await life.wave("nose", semantic=region, confidence=0.7)
    return await life.wave("tongue", semantic=region, confidence=0.7)


def escalated(messages: list[Stored]) -> list[str]:
    return [json.loads(message.body)["region"] for message in messages if "escalation" in message.subject]


async def until_escalated(life: Running, regions: list[str]) -> None:
    async with asyncio.timeout(60):
        async for message in life.bus.read(DECISIONS, after=0):
            if message.subject.endswith(f"{regions[-1]}.escalation"):
                break
    assert escalated(await life.decisions()) == regions


async def test_a_thalamus_goes_on_from_its_snapshot(nats_server: EmbeddedNats) -> None:
    async with running(nats_server, snapshot_inputs=1) as first:
        await collapse(first, "toast")
        await until_escalated(first, ["toast"])
    async with running(nats_server) as second:
        names = await second.bus.stores.names(BUCKET)
        newest = decode(await second.bus.stores.load(BUCKET, names[-1]) or b"")
        assert 0 < len(names) <= KEPT
        assert newest.state.gate("real", "toast") is not None
        await second.bus.append("dev.nervous.outcomes.toast", b'{"outcome": "confirmed"}')
        await collapse(second, "smoke")
        await until_escalated(second, ["toast", "smoke"])


async def test_damaged_snapshots_are_passed_over(nats_server: EmbeddedNats) -> None:
    async with running(nats_server, snapshot_inputs=1) as first:
        for region in ("a", "b", "c"):
            await collapse(first, region)
        await until_escalated(first, ["a", "b", "c"])
    bus = await NatsBus.connect(Settings(nats_url=nats_server.url), name="vandal")
    for name in await bus.stores.names(BUCKET):
        raw = await bus.stores.load(BUCKET, name)
        assert raw is not None
        await bus.stores.keep(BUCKET, name, raw[: len(raw) // 2])
    await bus.close()
    async with running(nats_server) as second:
        await collapse(second, "d")
        await until_escalated(second, ["a", "b", "c", "d"])


async def test_a_standby_follows_and_leads_when_the_leader_falls_silent(nats_server: EmbeddedNats) -> None:
    async with running(nats_server) as leader, running(nats_server) as standby:
        assert leader.context.state is UnitState.READY
        assert standby.context.state is UnitState.IDLE
        await collapse(leader, "toast")
        await until_escalated(standby, ["toast"])
        leader.task.cancel()  # without a goodbye: its lease runs out
        await asyncio.wait({leader.task})
        await collapse(standby, "smoke")
        await until_escalated(standby, ["toast", "smoke"])
        assert standby.context.state is UnitState.READY


async def test_a_leader_that_was_paused_is_fenced_and_steps_down(nats_server: EmbeddedNats) -> None:
    async with running(nats_server) as leader, running(nats_server) as standby:
        append_all = leader.context.bus.append_all
        paused, resume = asyncio.Event(), asyncio.Event()

        async def stopped(*args: object, **fields: object) -> int:
            paused.set()
            await resume.wait()
            return await append_all(*args, **fields)  # type: ignore[arg-type]

        leader.context.bus.append_all = stopped  # type: ignore[method-assign]
        leader.context.bus.stores.hold = _forgetful  # type: ignore[method-assign]
        await collapse(leader, "toast")
        await paused.wait()
        await until_escalated(standby, ["toast"])
        resume.set()
        assert await leader.task == EXIT_FAILED
        await collapse(standby, "smoke")
        await until_escalated(standby, ["toast", "smoke"])


async def _forgetful(lease: str, owner: str, *, ttl_s: float) -> bool:
    return True  # believes that it still holds the lease
