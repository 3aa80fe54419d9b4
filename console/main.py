"""The `nimmerverse` command line: names, options and help of all commands.

Nothing heavy is imported here: each command imports what it needs when it runs, so that help is instant.
"""

from typing import Annotated

import typer

from console.command import run
from console.exits import table
from console.history_app import history_app
from console.options import (
    ContextOption,
    Environment,
    EnvOption,
    Output,
    OutputOption,
    UrlOption,
    Where,
)
from console.rules_app import rules_app

_EPILOG = f"Exit codes:\n\n\b\n{table()}"

app = typer.Typer(
    name="nimmerverse",
    help="A nervous system on NATS: cells emit waves, gates correlate them, cognition decides.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
streams_app = typer.Typer(
    help="Show or make the streams of the server.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(streams_app, name="streams")
app.add_typer(rules_app, name="rules")
app.add_typer(history_app)  # without a name: its commands are ours

RegionArgument = Annotated[str, typer.Argument(help="A region, for example math.")]
GardenOption = Annotated[str, typer.Option(help="real, virtual or virtual.RUN.")]


def main() -> None:
    """Entry point of the command."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"nimmerverse {version('nimmerverse')}")
        raise typer.Exit


@app.callback()
def nimmerverse(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """See `nimmerverse COMMAND --help`."""


@app.command()
def demo(
    env: EnvOption = Environment.DEV,
    output: OutputOption = Output.TEXT,
    without_model: Annotated[
        bool, typer.Option("--without-model", help="Decide by rules alone; starts faster.")
    ] = False,
) -> None:
    """Play the textbook example on a private server: two waves, a gate, a decision, 42.

    Starts a nats-server on a free port in a temporary folder and, of the cells, only math. Stops all of it.
    """
    from console.demo import demo as play

    run(play(env, output, models=not without_model))


@app.command()
def up(
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the embedded server; 0 is a free one.")
    ] = 4222,
) -> None:
    """Run a nervous system until Ctrl-C.

    On the server that --nats-url, NATS_URL, --context or NATS_CONTEXT names, else on an embedded one.
    """
    from console.up import up as run_up

    run(run_up(Where(env=env, nats_url=nats_url, context=context), port, output))


@app.command()
def wave(
    service: Annotated[str, typer.Argument(help="The name of a cell, nerves/NAME or organs/NAME.")],
    confidence: Annotated[float, typer.Option(help="How sure the witness is, 0 to 1.")],
    semantic: Annotated[str, typer.Option(help="A label. Default: the name.")] = "",
    valence: Annotated[float | None, typer.Option(help="-1 denies, +1 asserts. Default: 1.")] = None,
    payload: Annotated[str, typer.Option(metavar="JSON", help="Any JSON.")] = "",
    garden: Annotated[str, typer.Option(help="real, virtual or virtual.RUN. Default: real.")] = "",
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Publish one wave, and print its position in SENSES."""
    from console.wave import wave as publish

    where = Where(env=env, nats_url=nats_url, context=context)
    given = {"confidence": confidence, "semantic": semantic, "valence": valence, "garden": garden}
    run(publish(where, service, given, payload, output))


@app.command()
def watch(
    pattern: Annotated[str, typer.Argument(help="A NATS pattern. Default: all of the environment.")] = "",
    count: Annotated[int, typer.Option(min=0, help="End after so many messages; 0 is never.")] = 0,
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Print what passes on the bus, decoded. --output json prints one document per line."""
    from console.watch import watch as show

    run(show(Where(env=env, nats_url=nats_url, context=context), pattern, count, output), log_level="warning")


@app.command()
def gates(
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Print all gates as they stand now."""
    from console.gates import gates as show

    run(show(Where(env=env, nats_url=nats_url, context=context), output))


@app.command()
def explain(
    region: RegionArgument,
    garden: GardenOption = "real",
    at: Annotated[
        str,
        typer.Option(
            metavar="PLACE",
            help="Then instead of now: a position in SENSES, a time (2026-01-31T12:00:00Z), or -1h30m ago.",
        ),
    ] = "",
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Print why a gate is open, or what is missing to open it; with --at, why it was or was not."""
    where = Where(env=env, nats_url=nats_url, context=context)
    if at:
        from console.explain_at import explain_at

        run(explain_at(where, region, garden, at, output))
    else:
        from console.gates import explain as show

        run(show(where, region, garden, output))


@streams_app.command()
def plan(
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Print what `apply` would change, and change nothing."""
    from console.streams import streams

    run(streams(Where(env=env, nats_url=nats_url, context=context), output, dry_run=True))


@streams_app.command()
def apply(
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Make the server's streams and consumers as they are declared; safe to repeat."""
    from console.streams import streams

    run(streams(Where(env=env, nats_url=nats_url, context=context), output, dry_run=False))


@app.command()
def doctor(
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Check this machine, the server, the streams, the clock and the units; say what to do."""
    from console.doctor import doctor as check

    run(check(Where(env=env, nats_url=nats_url, context=context), output))
