"""What holds for a gate, and what manifests add to it."""

from shared.v1.manifest import Manifest, Region
from shared.v1.messages import RuleChange
from thalamus.rules import Rules
from thalamus.vocabulary import missing_rules


def test_the_nearest_word_wins() -> None:
    rules = Rules()
    rules.change(RuleChange(threshold=2.0), 1)
    rules.change(RuleChange(region="math", threshold=3.0), 2)
    rules.change(RuleChange(garden="virtual", threshold=0.5), 3)
    rules.change(RuleChange(region="math", garden="virtual.run1", threshold=0.1), 4)
    assert rules.of("load", "real").threshold == 2.0
    assert rules.of("math", "real").threshold == 3.0
    assert rules.of("load", "virtual.run1").threshold == 0.5
    assert rules.of("math", "virtual.run1").threshold == 0.1
    assert rules.of("math", "virtual.run2").threshold == 3.0
    assert rules.version == 4


def test_virtual_gardens_open_earlier_by_default() -> None:
    assert (Rules().of("math", "real").threshold, Rules().of("math", "virtual.x").threshold) == (1.0, 0.7)


def test_labels_find_their_region_by_word_and_by_token() -> None:
    rules = Rules()
    rules.change(RuleChange(vocabulary={"calculate": "math", "Rechnen": "math"}), 1)
    assert rules.region_of("calculate") == rules.region_of("Calculate") == rules.region_of("Rechnen") == "math"
    assert rules.region_of("Obstacle left!") == "obstacle-left"
    assert rules.region_of("計算") == rules.region_of("計算") != rules.region_of("加算")


def unit(**regions: Region) -> Manifest:
    return Manifest(name="math", version="1.0.0", kind="compute", description="computes", regions=regions)


def test_a_manifest_teaches_what_nobody_has_said_yet() -> None:
    rules = Rules()
    units = [unit(math=Region(vocabulary=("sum",), tau_ms=900))]
    [change] = missing_rules(rules, units)
    assert (change.vocabulary, change.tau_ms, change.who) == (
        {"math": "math", "sum": "math"},
        900,
        "math/1.0.0",
    )
    rules.change(change, 1)
    assert missing_rules(rules, units) == []


def test_what_people_have_set_stays() -> None:
    rules = Rules()
    rules.change(RuleChange(region="math", tau_ms=500, vocabulary={"sum": "totals"}), 1)
    [change] = missing_rules(rules, [unit(math=Region(vocabulary=("sum", "product"), tau_ms=900))])
    assert (change.vocabulary, change.tau_ms) == ({"math": "math", "product": "math"}, None)
