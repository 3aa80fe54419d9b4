"""Places in the past as people write them."""

import pytest

from console.exits import CommandError, Exit
from console.ranges import garden_of, place_of
from thalamus.history import Place, Time

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", None),
        ("17", 17),
        ("-1h", Time(NOW - 3_600_000)),
        ("-1h30m", Time(NOW - 5_400_000)),
        ("-2d", Time(NOW - 172_800_000)),
        ("-250ms", Time(NOW - 250)),
        ("-90s", Time(NOW - 90_000)),
        ("2026-01-31T12:00:00Z", Time(1_769_860_800_000)),
        ("2026-01-31T12:00:00", Time(1_769_860_800_000)),
        ("2026-01-31T13:00:00+01:00", Time(1_769_860_800_000)),
        ("2026-01-31T12:00:00.250Z", Time(1_769_860_800_250)),
        ("2026-01-31", Time(1_769_817_600_000)),
    ],
)
def test_a_place_is_a_position_a_time_or_so_long_ago(text: str, place: Place | None) -> None:
    assert place_of(text, NOW) == place


@pytest.mark.parametrize("text", ["-1", "1h", "-1y", "yesterday", "-", "-h", "2026-13-01"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(CommandError, match="-1h30m") as refused:
        place_of(text, NOW)
    assert refused.value.code is Exit.USAGE


def test_a_garden_is_checked() -> None:
    assert garden_of("") == ""
    assert garden_of("virtual.run-1") == "virtual.run-1"
    with pytest.raises(CommandError, match="garden"):
        garden_of("Eden")
