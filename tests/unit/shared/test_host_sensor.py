"""When a sensor of its machine speaks, and when it keeps silent."""

from collections.abc import Iterator, Mapping

import pytest

from shared.v1.deviation import LEAST
from shared.v1.host_sensor import HostSensor, Probe, Reading, SensorState
from shared.v1.manifest import Manifest
from shared.v1.states import UnitState
from tests.unit.cells.bench import Bench

MANIFEST = Manifest(name="oven", version="1.0.0", kind="sensor", description="senses an oven")
HEAT = Reading(name="inside", semantic="heat", unit="°C", resolution=1.0)
DOOR = Reading(name="door", semantic="door", unit="mm", resolution=1.0)
USUAL = [{"inside": 200.0, "door": 0.0}] * LEAST


class Oven:
    """A machine whose looks are played back, and an exception at the end or where one stands."""

    def __init__(self, *looks: Mapping[str, float] | Exception) -> None:
        self._looks: Iterator[Mapping[str, float] | Exception] = iter(looks)

    def look(self) -> Mapping[str, float]:
        seen = next(self._looks)
        if isinstance(seen, Exception):
            raise seen
        return seen


async def started(*looks: Mapping[str, float] | Exception) -> Bench:
    probe = Probe(readings=(HEAT, DOOR), look=Oven(*looks).look)
    return await Bench.start(HostSensor(MANIFEST, lambda: probe))


async def sensed(*looks: Mapping[str, float] | Exception) -> Bench:
    bench = await started(*looks)
    for _ in looks:
        await bench.cell.sense()
    return bench


async def test_it_is_silent_while_nothing_deviates() -> None:
    bench = await sensed(*USUAL * 3)
    assert await bench.waves() == []
    assert bench.cell.state is SensorState.IDLE
    assert bench.started is UnitState.READY


async def test_a_deviation_is_a_wave_that_names_the_reading_and_what_is_usual() -> None:
    bench = await sensed(*USUAL, {"inside": 260.0, "door": 0.0})
    [wave] = await bench.waves()
    assert (wave.semantic, wave.valence) == ("heat", 1.0)
    assert 0.99 < wave.confidence <= 1.0
    assert wave.payload == {"reading": "inside", "value": 260.0, "usual": 200.0, "unit": "°C"}
    assert wave.lifeforce_cost == pytest.approx(0.4 * LEAST + 0.5)


async def test_less_than_usual_denies() -> None:
    [wave] = await (await sensed(*USUAL, {"inside": 20.0, "door": 0.0})).waves()
    assert wave.valence == -1.0


async def test_two_readings_may_deviate_at_once() -> None:
    bench = await sensed(*USUAL, {"inside": 260.0, "door": 90.0})
    assert [wave.semantic for wave in await bench.waves()] == ["heat", "door"]
    assert bench.cell.state is SensorState.IDLE


async def test_a_small_deviation_is_not_said() -> None:
    bench = await sensed(*USUAL, {"inside": 206.0, "door": 0.0})
    assert await bench.waves() == []


async def test_a_deviation_that_lasts_is_said_ever_more_seldom_until_it_is_usual() -> None:
    hot = {"inside": 260.0, "door": 0.0}
    bench = await sensed(*USUAL * 6, *[hot] * 200)
    seqs = [int(wave.id.rsplit("-", 1)[1]) for wave in await bench.waves()]
    assert seqs == [1, 2, 3, 4, 5, 6]  # at the 1st, 2nd, 4th, 8th, 16th and 32nd


async def test_a_deviation_in_the_other_direction_is_said_at_once() -> None:
    hot, cold = {"inside": 260.0, "door": 0.0}, {"inside": 20.0, "door": 0.0}
    bench = await sensed(*USUAL, hot, hot, hot, cold)
    assert [wave.valence for wave in await bench.waves()] == [1.0, 1.0, -1.0]


async def test_a_deviation_that_comes_back_is_said_again() -> None:
    hot = {"inside": 260.0, "door": 0.0}
    bench = await sensed(*USUAL, hot, USUAL[0], hot)
    assert len(await bench.waves()) == 2


async def test_a_reading_may_be_left_out_of_a_look() -> None:
    bench = await sensed(*USUAL, {"door": 90.0}, {})
    assert [wave.semantic for wave in await bench.waves()] == ["door"]


async def test_the_readings_stand_in_the_heartbeat() -> None:
    bench = await sensed({"inside": 200.123456789, "door": 0.0})
    assert bench.context.load == {"inside": 200.123, "door": 0.0}


async def test_a_failed_look_is_an_error_from_which_the_next_one_recovers() -> None:
    bench = await started(OSError("no such device"), {"inside": 200.0, "door": 0.0})
    with pytest.raises(OSError, match="no such device"):
        await bench.cell.sense()
    failed = bench.cell.state
    await bench.cell.sense()
    assert (failed, bench.cell.state) == (SensorState.ERROR, SensorState.IDLE)


async def test_a_machine_without_readings_says_so_and_stays_idle() -> None:
    probe = Probe(readings=(), look=dict, missing="this machine has no oven")
    bench = await Bench.start(HostSensor(MANIFEST, lambda: probe))
    assert bench.started is UnitState.IDLE
    assert (bench.context.state, bench.context.detail) == (UnitState.IDLE, "this machine has no oven")
