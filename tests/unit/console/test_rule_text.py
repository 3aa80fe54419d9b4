"""Rules as people write them."""

from pathlib import Path

import pytest

from console.exits import CommandError, Exit
from console.rule_text import NUMBERS, changes_in, changes_of, sweep_of
from console.whatif import bar
from shared.v1.messages import RuleChange


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["threshold=0.7"], [RuleChange(threshold=0.7)]),
        (["math.threshold=1"], [RuleChange(region="math", threshold=1.0)]),
        (
            ["math.threshold=0.7", "load.tau_ms=2000", "math.habituation=0"],
            [
                RuleChange(region="math", threshold=0.7, habituation=0.0),
                RuleChange(region="load", tau_ms=2000),
            ],
        ),
        (
            ["vocabulary.sum=math", "vocabulary.a.b=math"],
            [RuleChange(vocabulary={"sum": "math", "a.b": "math"})],
        ),
    ],
)
def test_settings_become_rule_changes(settings: list[str], expected: list[RuleChange]) -> None:
    assert changes_of(settings) == expected


def test_settings_may_hold_for_one_garden() -> None:
    assert changes_of(["threshold=2"], garden="virtual.x") == [RuleChange(garden="virtual.x", threshold=2.0)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("math.treshold=0.7", "'treshold' in .* is unknown: set one of tau_ms, threshold"),
        ("math.threshold=-1", "threshold is -1: it must be a number from 0.01 to 100"),
        ("math.threshold=high", 'threshold is "high"'),
        ("math.tau_ms=1.5", "tau_ms is 1.5: it must be a whole number"),
        ("Math.threshold=1", 'region is "Math"'),
        ("threshold", "sets nothing"),
        ("threshold=", "sets nothing"),
        ("=1", "sets nothing"),
        ("vocabulary.sum=No Region", "vocabulary"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(CommandError, match=says) as refused:
        changes_of([text])
    assert refused.value.code is Exit.USAGE


def test_a_file_holds_rule_changes(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rules]]\nthreshold = 0.9\n\n[[rules]]\nregion = "math"\nvocabulary = { sum = "math" }\n')
    assert changes_in(path) == [
        RuleChange(threshold=0.9),
        RuleChange(region="math", vocabulary={"sum": "math"}),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules = 1", "tables"),
        ("threshold = 1", "tables"),
        ("[[rules]]\ntreshold = 1", "'treshold' is unknown: use region, garden, tau_ms"),
        ("[[rules]]\nrollback_to = 1", "unknown"),
        ("[[rules]]\nthreshold = 0", "threshold is 0"),
        ("[[", "no TOML"),
    ],
)
def test_a_file_that_holds_anything_else_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(CommandError, match=says):
        changes_in(path)
    with pytest.raises(CommandError, match="cannot be read"):
        changes_in(tmp_path / "nothing")


def test_a_sweep_goes_from_one_end_to_the_other() -> None:
    sweep = sweep_of("threshold=0.4:1.6:13")
    assert (sweep.region, sweep.name, len(sweep.values)) == (None, "threshold", 13)
    assert (sweep.values[0], sweep.values[1], sweep.values[-1]) == (0.4, 0.5, 1.6)
    assert sweep.change(0.5) == RuleChange(threshold=0.5)
    whole = sweep_of("math.tau_ms=500:2000:3")
    assert (whole.region, whole.values) == ("math", (500, 1250, 2000))


@pytest.mark.parametrize(
    "text",
    ["threshold", "threshold=1", "threshold=1:2", "threshold=1:2:1", "threshold=1:2:3:4", "threshold=a:b:c"],
)
def test_a_sweep_is_from_to_and_steps(text: str) -> None:
    with pytest.raises(CommandError, match="FROM:TO:STEPS"):
        sweep_of(text)


def test_a_sweep_over_what_cannot_be_is_refused() -> None:
    with pytest.raises(CommandError, match="threshold is 0"):
        sweep_of("threshold=0:1:3")
    with pytest.raises(CommandError, match="unknown"):
        sweep_of("math.moon=0:1:3")


def test_every_number_of_a_gate_can_be_set() -> None:
    assert set(NUMBERS) < set(RuleChange.model_fields)


def test_bars_are_as_long_as_their_share() -> None:
    assert bar(0) == ""
    assert bar(1) == "█" * 40
    assert bar(0.5) == "█" * 20
    assert bar(1 / 320) == "▏"
