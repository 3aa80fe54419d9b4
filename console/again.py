"""Says recorded waves again, for `nimmerverse replay --as` and `nimmerverse play`."""

from collections.abc import AsyncIterator

from console.command import say, write
from console.exits import CommandError, Exit
from console.gates import ask_gates
from console.options import Output, Speed
from console.printing import write_json
from shared.v1.bus import Bus, Stored
from shared.v1.errors import TryAgainError
from thalamus.republish import REAL, Casting, Pace, republish


async def say_again(
    bus: Bus,
    env: str,
    messages: AsyncIterator[Stored],
    garden: str,
    target: str,
    speed: Speed,
    output: Output,
) -> Exit:
    """Publish the waves of `garden` (empty: of all) among `messages` in `target`, and tell how many."""
    if target != REAL:
        await _refuse_used(bus, env, target)
    casting = Casting(env=env, garden=garden, target=target)
    count = await republish(bus, messages, casting, Pace(speed.factor))
    if output is Output.JSON:
        write_json({"garden": target, "waves": count})
    else:
        write(f"{count} waves in {target}")
    return Exit.OK


async def _refuse_used(bus: Bus, env: str, target: str) -> None:
    """Time never runs backwards in a garden, so what is said there a second time would be late."""
    try:
        answer = await ask_gates(bus, env)
    except TryAgainError:
        say("no thalamus answers: the waves are stored, and are folded when one runs")
        return
    if any(known.garden == target for known in answer.gardens):
        raise CommandError(
            f"something was said in {target} before, and its time does not run backwards: "
            "choose a garden that nobody used, with --as virtual.RUN",
            Exit.USAGE,
        )
