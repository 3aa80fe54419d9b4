"""`nimmerverse gates` and `nimmerverse explain`: what the thalamus answers about its gates."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from console.command import say, write
from console.connection import open_bus
from console.essence import essence, printable
from console.exits import CommandError, Exit
from console.gate_table import gate_table, state_text
from console.options import Output, Where
from console.printing import stdout
from shared.v1.bus import Bus
from shared.v1.errors import RefusedError
from shared.v1.messages import ExplainQuestion, Explanation, GatesAnswer
from shared.v1.subjects import EXPLAIN_QUESTION, GATES_QUESTION, Kind, decision

ANSWER_S = 5.0
"""Seconds that a thalamus has to answer."""


async def ask_gates(bus: Bus, env: str) -> GatesAnswer:
    """All gates as they stand now. Raises TryAgainError if no thalamus answers."""
    answer = await bus.request(GATES_QUESTION.subject(env, Kind.REQUEST), b"{}", timeout_s=ANSWER_S)
    return GatesAnswer.from_bytes(answer.body)


async def gates(where: Where, output: Output) -> Exit:
    """Print all gates."""
    async with open_bus(where, "gates") as bus:
        answer = await ask_gates(bus, where.env)
    if output is Output.JSON:
        write(answer.to_bytes().decode())
    elif answer.gates:
        stdout().print(gate_table(answer.gates))
        for garden in answer.gardens:
            if garden.late or garden.future or garden.duplicates:
                stdout().print(
                    f"{garden.garden}: {garden.late} late, {garden.future} future "
                    f"and {garden.duplicates} repeated waves"
                )
    else:
        say(f"there is no gate yet: publish a wave, for example `nimmerverse wave math --env {where.env}`")
    return Exit.OK


async def explain(where: Where, region: str, garden: str, output: Output) -> Exit:
    """Print why one gate stands as it does."""
    question = question_of(region, garden)
    async with open_bus(where, "explain") as bus:
        subject = EXPLAIN_QUESTION.subject(where.env, Kind.REQUEST)
        answer = await bus.request(subject, question.to_bytes(), timeout_s=ANSWER_S)
    show_explanation(where.env, Explanation.from_bytes(answer.body), output)
    return Exit.OK


def question_of(region: str, garden: str) -> ExplainQuestion:
    """Which gate is meant. Raises CommandError if it can be none."""
    try:
        return ExplainQuestion.from_fields({"region": region, "garden": garden})
    except RefusedError as error:
        raise CommandError(error.reason, Exit.USAGE) from None


def show_explanation(env: str, explanation: Explanation, output: Output) -> None:
    """Print what is known about a gate."""
    if output is Output.JSON:
        write(explanation.to_bytes().decode())
    else:
        _print(stdout(), env, explanation)


def _print(console: Console, env: str, explanation: Explanation) -> None:
    gate = explanation.gate
    console.print(Text.assemble(gate.gate, "  ", state_text(gate.state), f"  value {gate.value:+.3f}"))
    console.print(printable(explanation.why))
    if explanation.missing:
        console.print(printable(explanation.missing))
    console.print(
        f"\nS = {gate.correlation:.3f}: it opens at S ≥ θ = {gate.threshold:g}, stays open while "
        f"S ≥ {gate.hysteresis * gate.threshold:g}, closes at S < −{gate.threshold_closed:g}; "
        f"τ = {gate.tau_ms} ms, weight {gate.weight:.3f} (tier {int(gate.tier)}), "
        f"rules {explanation.rules}, inputs up to SENSES:{explanation.input_seq}"
    )
    for title, table in (
        ("Witnesses", _witnesses(explanation)),
        ("Who corroborates whom (nats)", _matrix(explanation)),
        ("Waves of the window, oldest first", _waves(explanation)),
    ):
        if table.row_count:
            console.print(Text(f"\n{title}", style="bold"))
            console.print(table)
    if explanation.last is not None:
        last = explanation.last
        told = essence(decision(env, gate.region, Kind.TRANSITION), last.to_bytes())
        console.print(f"\nlast transition, {last.at:%Y-%m-%d %H:%M:%S}: {told}")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if position else "left", no_wrap=True)
    return table


def _witnesses(explanation: Explanation) -> Table:
    table = _table("witness", "evidence E", "trust w", "age ms", "says x", "others say y", "contribution")
    for witness in explanation.witnesses:
        figures = (witness.says, witness.others, witness.contribution)
        table.add_row(
            witness.witness,
            f"{witness.evidence:.3f}",
            f"{witness.trust:.2f}",
            str(witness.age_ms),
            *(f"{figure:.3f}" for figure in figures),
        )
    return table


def _matrix(explanation: Explanation) -> Table:
    names = [witness.witness for witness in explanation.witnesses]
    table = _table("", *names)
    for name, row in zip(names, explanation.matrix, strict=False):
        table.add_row(name, *(f"{figure:.3f}" for figure in row))
    return table


def _waves(explanation: Explanation) -> Table:
    table = _table("position", "witness", "label", "confidence", "valence", "age ms", "contribution")
    for wave in explanation.evidence:
        table.add_row(
            f"SENSES:{wave.seq}",
            wave.witness,
            printable(wave.semantic),
            f"{wave.confidence:.2f}",
            f"{wave.valence:+.2f}",
            str(wave.age_ms),
            f"{wave.contribution:.3f}",
        )
    return table
