"""What is shown: gauges, tables, the pulse, the backoff; and the roster of what runs."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from rich.console import Console

from console import exits, roster
from console.changes import Changes
from console.doctor import parse_version
from console.exits import CommandError, Exit
from console.gate_table import gauge
from console.live_table import live_table
from console.main import app
from console.pulse import WINDOW_S, Pulse
from console.roster import Stage
from console.supervisor import MAX_BACKOFF_S, backoff_s
from console.wave import fields_of, wave_subject
from shared.v1.bus import Message
from shared.v1.messages import GatesAnswer, GateView
from shared.v1.states import GateState, Tier


def test_a_gauge_grows_from_the_middle() -> None:
    assert gauge(0.0) == "····┊···│···┊····"
    assert gauge(1.0) == "····┊···│████████"
    assert gauge(-0.5) == "····████│···┊····"


def test_the_backoff_doubles_up_to_its_bound() -> None:
    assert [backoff_s(deaths) for deaths in range(5)] == [0.0, 0.2, 0.4, 0.8, 1.6]
    assert backoff_s(1000) == MAX_BACKOFF_S


def test_the_pulse_counts_waves_of_its_window_and_keeps_events() -> None:
    pulse = Pulse()
    for second in range(20):
        assert pulse.take(Message(subject="dev.nervous.cells.math.wave", body=b"{}"), float(second)) is None
    assert pulse.waves_per_second(20.0) == WINDOW_S / WINDOW_S
    refused = Message(subject="dev.dead.nervous.senses-1", body=json.dumps({"reason": "no"}).encode())
    event = pulse.take(refused, 20.0)
    assert event is not None
    assert event.told == "no"
    assert pulse.take(Message(subject="dev.nervous.cells.math.response", body=b"{}"), 20.0) is None


def test_the_live_table_shows_gates_and_rates() -> None:
    gate = GateView(
        gate="real/math",
        region="math",
        garden="real",
        state=GateState.OPEN,
        value=0.58,
        correlation=1.36,
        confidence=0.8,
        weight=0.1,
        tier=Tier.COGNITION,
        witnesses=2,
        waves=2,
        threshold=1.0,
        hysteresis=0.6,
        threshold_closed=1.0,
        tau_ms=1500,
    )
    now = datetime(2026, 1, 31, 12)
    gates = GatesAnswer(input_seq=2, rules=0, at=now.astimezone(), gates=(gate,))
    console = Console(width=120, markup=False)
    with console.capture() as captured:
        console.print(live_table("dev", gates, Pulse(), (), now))
    assert "real/math" in captured.get()
    assert "OPEN" in captured.get()
    assert "0.0 waves/s" in captured.get()


async def test_no_change_is_missed() -> None:
    changes = Changes()
    seen = changes.each()
    await anext(seen)
    changes.note()
    changes.note()
    await anext(seen)
    waiting = anext(seen)
    changes.note()
    await waiting


@pytest.mark.parametrize(
    ("service", "subject"),
    [
        ("math", "dev.nervous.cells.math.wave"),
        ("cells/math", "dev.nervous.cells.math.wave"),
        ("nerves/exploration", "dev.nervous.nerves.exploration.wave"),
        ("organs/vision", "dev.organs.vision.wave"),
    ],
)
def test_a_service_has_a_subject(service: str, subject: str) -> None:
    assert wave_subject("dev", service) == subject


@pytest.mark.parametrize("service", ["", "Math", "a.b", "moons/math", "nerves/", "a/b/c"])
def test_what_is_no_service_is_refused(service: str) -> None:
    with pytest.raises(CommandError) as refusal:
        wave_subject("dev", service)
    assert refusal.value.code is Exit.USAGE


def test_a_wave_holds_only_what_was_given() -> None:
    given = {"confidence": 0.6, "semantic": "", "valence": None}
    assert fields_of(given, "") == {"confidence": 0.6}
    assert fields_of(given, "null") == {"confidence": 0.6, "payload": None}


@pytest.mark.parametrize(
    ("text", "version"), [("2.14.3", (2, 14, 3)), ("v2.15.0-RC.1", (2, 15, 0)), ("dev", (0,))]
)
def test_versions_are_compared_as_numbers(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_help_shows_every_exit_code() -> None:
    assert app.info.epilog is not None
    assert exits.table() in app.info.epilog
    assert all(code.meaning in exits.table() for code in Exit)


def _unit(root: Path, folder: str, name: str) -> None:
    place = root / folder
    place.mkdir(parents=True)
    (place / "__main__.py").touch()
    kind = 'version = "1.0.0"\nkind = "compute"\ndescription = "d"'
    (place / "manifest.toml").write_text(f'name = "{name}"\n{kind}\n')


def test_the_newest_version_of_each_cell_runs(tmp_path: Path) -> None:
    _unit(tmp_path, "cells/math_cell/v2", "math")
    _unit(tmp_path, "cells/math_cell/v10", "math")
    _unit(tmp_path, "cells/light_cell/v1", "light")
    assert [unit.module for unit in roster.sensing(tmp_path)] == ["cells.light_cell.v1", "cells.math_cell.v10"]
    chosen = roster.chosen(("math",), tmp_path)
    assert [unit.name for unit in chosen] == ["math", "thalamus", "gemma", "nyx"]
    assert [unit.stage for unit in chosen] == sorted(Stage)
    with pytest.raises(CommandError, match="there are light, math"):
        roster.chosen(("moon",), tmp_path)
