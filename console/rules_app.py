"""The commands about rules. Light, as `main` is."""

from typing import Annotated

import typer

from console.command import run
from console.options import (
    ContextOption,
    Environment,
    EnvOption,
    Output,
    OutputOption,
    UrlOption,
    Where,
)

rules_app = typer.Typer(
    help="Show or change what holds for gates, and try changes in the shadow.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

WhyOption = Annotated[str, typer.Option(help="Why, in a sentence; it is kept.")]


@rules_app.command()
def show(
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Print the rules that hold, and those that are tried."""
    from console.rules import show as print_rules

    run(print_rules(Where(env=env, nats_url=nats_url, context=context), output))


@rules_app.command("set")
def change(
    settings: Annotated[
        list[str],
        typer.Argument(metavar="[REGION.]NAME=VALUE…", help="Also vocabulary.LABEL=REGION."),
    ],
    garden: Annotated[str, typer.Option(help="Only in this garden: real, virtual or virtual.RUN.")] = "",
    why: WhyOption = "",
    shadow: Annotated[bool, typer.Option("--shadow", help="Only try it, beside the live rules.")] = False,
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Change rules: checked first, then published with who and why."""
    from console.rules import change as publish

    where = Where(env=env, nats_url=nats_url, context=context)
    run(publish(where, settings, garden, why, output, shadow=shadow))


@rules_app.command()
def history(
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Print all rule changes: when, by whom, why."""
    from console.rules import history as print_history

    run(print_history(Where(env=env, nats_url=nats_url, context=context), output))


@rules_app.command()
def rollback(
    version: Annotated[
        int, typer.Argument(min=0, metavar="SEQ", help="The position of a rule change; 0: the defaults.")
    ],
    why: WhyOption = "",
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Take back all rule changes after one."""
    from console.rules import rollback as publish

    run(publish(Where(env=env, nats_url=nats_url, context=context), version, why, output))


@rules_app.command()
def compare(
    within_ms: Annotated[
        int, typer.Option("--within", min=0, help="Milliseconds by which a transition may move.")
    ] = 5_000,
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Print how the rules in the shadow decided otherwise than the live ones, so far."""
    from console.rules import compare as print_difference

    run(print_difference(Where(env=env, nats_url=nats_url, context=context), within_ms, output))


@rules_app.command()
def drop(
    why: WhyOption = "",
    env: EnvOption = Environment.DEV,
    nats_url: UrlOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """End the trial of the rules in the shadow."""
    from console.rules import drop as publish

    run(publish(Where(env=env, nats_url=nats_url, context=context), why, output))
