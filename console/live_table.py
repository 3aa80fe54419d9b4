"""The live picture of `nimmerverse up` on a terminal: gates, waves, decisions, processes."""

from collections.abc import Iterable
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from console.gate_table import gate_table
from console.printing import message_line
from console.pulse import Pulse
from console.supervisor import ProcessState, Supervised
from shared.v1.messages import GatesAnswer

_STYLES = {
    ProcessState.STARTING: "yellow",
    ProcessState.READY: "green",
    ProcessState.FAILED: "bold red",
    ProcessState.RESTARTING: "bold red",
    ProcessState.STOPPING: "dim",
    ProcessState.STOPPED: "dim",
}


def live_table(
    env: str, gates: GatesAnswer | None, pulse: Pulse, processes: Iterable[Supervised], now: datetime
) -> RenderableType:
    """Everything in one picture. `gates` is None until a thalamus has answered."""
    title = Text.assemble(
        ("nimmerverse ", "bold"),
        f"{env}  {pulse.waves_per_second(now.timestamp()):.1f} waves/s",
    )
    parts: list[RenderableType] = [title, ""]
    if gates is not None and gates.gates:
        parts += [gate_table(gates.gates), ""]
    else:
        parts += [Text("no gate yet", style="dim"), ""]
    for event in pulse.events:
        clock = f"{datetime.fromtimestamp(event.at_s):%H:%M:%S} "
        line = Text.assemble((clock, "dim"), message_line(event.subject, event.body), no_wrap=True)
        line.overflow = "ellipsis"
        parts.append(line)
    if pulse.events:
        parts.append("")
    parts.append(_process_table(processes))
    return Group(*parts)


def _process_table(processes: Iterable[Supervised]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("process", "state", "pid", "restarts", "detail"):
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for process in processes:
        table.add_row(
            process.name,
            Text(process.state, style=_STYLES[process.state]),
            str(process.pid or ""),
            str(process.restarts),
            Text(process.detail, style="dim"),
        )
    return table
