import pytest

from cognition.commands import Catalogue, sibling_id
from shared.v1.messages import Command
from tests.unit.cognition.builders import WHEELS, catalogue, unit

ADD = Command(target="nervous.cells.math", verb="compute", arguments={"operation": "add", "operands": [1, 2]})


def test_a_verb_of_an_installed_unit_may_be_commanded() -> None:
    assert catalogue().fault(ADD, "real") is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"target": "nervous.cells.nobody"}, "no installed unit"),
        ({"verb": "explode"}, "no verb 'explode'"),
        ({"verb": "forget"}, "no verb 'forget' that cognition may command"),
        ({"arguments": {"operation": "add", "operands": ["one", 2]}}, "operands.0: 'one' is not of type"),
    ],
)
def test_what_no_manifest_offers_may_not(change: dict[str, object], sentence: str) -> None:
    assert sentence in (catalogue().fault(ADD.model_copy(update=change), "real") or "")


def test_a_motor_is_not_moved_for_an_imagined_reason() -> None:
    units = Catalogue.of([unit(WHEELS)])
    stop = Command(target="nervous.cells.wheels", verb="stop")
    assert units.fault(stop, "real") is None
    assert "virtual.7" in (units.fault(stop, "virtual.7") or "")


def test_the_newest_version_of_a_unit_speaks() -> None:
    units = [unit(version="1.10.0"), unit(version="1.9.0"), unit(version="1.10.0-rc.1")]
    assert [found.version for found in Catalogue.of(units).speaking_of("math")] == ["1.10.0"]
    assert Catalogue.of(units).speaking_of("speech") == []


def test_the_ids_of_a_chain_differ_in_their_kind() -> None:
    assert sibling_id("rq", "es:real/math/17") == "rq:real/math/17"
    assert sibling_id("rs", "my own") == "rs:my own"
    assert len(sibling_id("rs", "x" * 256)) == 256
