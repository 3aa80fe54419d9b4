"""The commands about the past: replay, whatif, record, play. Light, as `main` is."""

from pathlib import Path
from typing import Annotated

import typer

from console.command import run
from console.options import (
    ContextOption,
    Environment,
    EnvOption,
    Output,
    OutputOption,
    Speed,
    UrlOption,
    Where,
)

history_app = typer.Typer(rich_markup_mode=None)

_PLACE = "A position in SENSES, a time (2026-01-31T12:00:00Z), or -1h30m ago."

FromOption = Annotated[
    str, typer.Option("--from", metavar="PLACE", help=f"{_PLACE} Default: the oldest input.")
]
ToOption = Annotated[str, typer.Option("--to", metavar="PLACE", help="The same. Default: the newest input.")]
GardenFilter = Annotated[str, typer.Option(help="Only this garden: real, virtual or virtual.RUN.")]
SpeedOption = Annotated[Speed, typer.Option(help="Times the recorded speed, or as fast as can be.")]
WithinOption = Annotated[
    int, typer.Option("--within", min=0, help="Milliseconds by which a transition may move.")
]


@history_app.command()
def replay(
    since: FromOption = "",
    until: ToOption = "",
    garden: GardenFilter = "",
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare with DECISIONS byte by byte; exit code 0 only if identical."),
    ] = False,
    target: Annotated[
        str, typer.Option("--as", metavar="virtual.RUN", help="Publish the range's waves in this garden.")
    ] = "",
    speed: SpeedOption = Speed.ONE,
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Fold recorded inputs again: print the decisions, check them, or say the waves again.

    --speed is for --as, which takes the waves of the real garden unless --garden names another.
    """
    from console.exits import Exit
    from console.ranges import Wanted
    from console.replay import check as compare
    from console.replay import replay as show
    from console.replay import replay_as

    where = Where(env=env, nats_url=nats_url, context=context)
    wanted = Wanted(since=since, until=until, garden=garden)
    if check and target:
        from console.command import say

        say("nimmerverse: --check and --as are two questions: ask one")
        raise SystemExit(Exit.USAGE)
    if target:
        run(replay_as(where, wanted, target, speed, output))
    elif check:
        run(compare(where, wanted, output))
    else:
        run(show(where, wanted, output))


@history_app.command()
def whatif(
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="[REGION.]NAME=VALUE", help="What would be other; may be repeated."),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="More of it: a TOML file with tables [[rules]].")
    ] = None,
    sweep: Annotated[
        str,
        typer.Option(
            metavar="[REGION.]NAME=FROM:TO:STEPS", help="Openings per hour at each value of a number."
        ),
    ] = "",
    since: FromOption = "",
    until: ToOption = "",
    garden: GardenFilter = "",
    within_ms: WithinOption = 5_000,
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Print which transitions other rules would have gained, lost and moved."""
    from console.ranges import Wanted
    from console.whatif import sweep as plot
    from console.whatif import whatif as ask

    where = Where(env=env, nats_url=nats_url, context=context)
    wanted = Wanted(since=since, until=until, garden=garden)
    if sweep:
        run(plot(where, wanted, settings or [], rules, sweep, output))
    else:
        run(ask(where, wanted, settings or [], rules, within_ms, output))


@history_app.command()
def record(
    file: Annotated[Path, typer.Argument(help="The file to write; .jsonl.gz is added.")],
    since: FromOption = "",
    until: ToOption = "",
    garden: GardenFilter = "",
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Write recorded inputs to a file that can be played on another machine."""
    from console.capture import record as write_capture
    from console.ranges import Wanted

    where = Where(env=env, nats_url=nats_url, context=context)
    run(write_capture(where, file, Wanted(since=since, until=until, garden=garden), output))


@history_app.command()
def play(
    file: Annotated[Path, typer.Argument(help="A file that `record` wrote.")],
    target: Annotated[
        str,
        typer.Option(
            "--as", metavar="GARDEN", help="virtual.RUN, or real if you mean it. Default: virtual.FILE."
        ),
    ] = "",
    garden: Annotated[str, typer.Option(help="Whose waves. Default: real.")] = "",
    speed: SpeedOption = Speed.ONE,
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Publish the waves of a file again, in a virtual garden. A file that is not whole is refused."""
    from console.capture import play as say_capture
    from console.ranges import Wanted

    where = Where(env=env, nats_url=nats_url, context=context)
    run(say_capture(where, file, Wanted(garden=garden), target, speed, output))
