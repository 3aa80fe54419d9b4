"""Gates as a table, for `gates` and for the live view."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from console.essence import gate_state
from shared.v1.messages import GateView
from shared.v1.states import GateState

_STYLES = {GateState.OPEN: "bold green", GateState.STABLE: "", GateState.CLOSED: "bold red"}
_HALF = 8  # characters on each side of a gauge's middle
_SCALE = f"−1{'0':^{2 * _HALF - 3}}+1"


def gate_table(gates: Iterable[GateView]) -> Table:
    """One row per gate."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("gate", "state", _SCALE, "value", "S", "θ", "weight", "tier", "witnesses", "waves"):
        number = column not in ("gate", "state", _SCALE)
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for gate in gates:
        table.add_row(
            gate.gate,
            state_text(gate.state),
            gauge(gate.value),
            f"{gate.value:+.3f}",
            f"{gate.correlation:.3f}",
            f"{gate.threshold:g}",
            f"{gate.weight:.3f}",
            str(int(gate.tier)),
            str(gate.witnesses),
            str(gate.waves),
        )
    return table


def state_text(state: GateState) -> Text:
    """The name of a state in its colour."""
    return Text(gate_state(state), style=_STYLES[state])


def gauge(value: float) -> str:
    """A value of −1…+1 as a bar from the middle; the marks at ±0.5 are the thresholds."""
    cells = ["·"] * (2 * _HALF + 1)
    cells[_HALF // 2] = cells[-_HALF // 2 - 1] = "┊"
    cells[_HALF] = "│"
    reach = round(abs(value) * _HALF)
    for step in range(1, reach + 1):
        cells[_HALF + (step if value > 0 else -step)] = "█"
    return "".join(cells)
