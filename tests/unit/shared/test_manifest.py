"""Manifests: what a unit is, as data that a program can check."""

from pathlib import Path

import pytest

from shared.v1.errors import RefusedError
from shared.v1.manifest import Manifest, ManifestError, Verb, beside, installed, load
from shared.v1.subjects import Address

GOOD = """
name = "math"
version = "1.2.0"
kind = "compute"
description = "computes"
[regions.math]
vocabulary = ["calculate", "sum"]
tau_ms = 1500
[verbs.add]
description = "adds"
command = true
[verbs.add.arguments]
type = "object"
required = ["a", "b"]
additionalProperties = false
[verbs.add.arguments.properties]
a = { type = "number" }
b = { type = "number" }
[verbs.negate]
description = "negates"
[verbs.negate.arguments]
type = "object"
required = ["x"]
additionalProperties = false
properties = { x = { type = "number" } }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def math(tmp_path: Path) -> Manifest:
    return load(written(tmp_path, GOOD))


def test_a_manifest_is_read_from_its_file(math: Manifest) -> None:
    assert math.address == Address("nervous", "cells", "math")
    assert math.regions["math"].vocabulary == ("calculate", "sum")
    assert [name for name, verb in math.verbs.items() if verb.command] == ["add"]


def test_it_is_found_beside_the_module_of_its_unit(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    assert beside(str(tmp_path / "cell.py")).name == "math"


def test_what_is_its_own_service_has_no_third_token() -> None:
    nyx = Manifest(
        name="nyx", version="1.0.0", kind="service", description="", domain="cognitive", service="nyx"
    )
    assert nyx.address == Address("cognitive", "nyx")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('name = "math"', 'name = "Math"'), "name: String should match"),
        (('version = "1.2.0"', 'version = "1.2"'), "version: String should match"),
        (('kind = "compute"', 'kind = "thing"'), "kind: Input should be 'sensor'"),
        (('kind = "compute"', 'kind = "compute"\ncolour = "red"'), "colour: Extra inputs are not permitted"),
        (("tau_ms = 1500", "tau_ms = 1"), "regions.math.tau_ms: Input should be greater"),
        (
            ('type = "object"\nrequired = ["x"]', 'type = "thing"'),
            "verbs.negate.arguments: Value error, no JSON",
        ),
        (('name = "math"', "name = math"), "Invalid value"),
    ],
)
def test_a_wrong_manifest_names_the_file_and_the_field(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    path = written(tmp_path, GOOD.replace(*change))
    with pytest.raises(ManifestError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert words in str(error.value)


def test_a_manifest_that_is_not_there_is_an_error_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="No such file"):
        load(tmp_path / "manifest.toml")


def test_the_fields_of_a_request_tell_the_verb(math: Manifest) -> None:
    assert math.matching({"a": 1, "b": 2}) == "add"
    assert math.matching({"x": 1}) == "negate"
    assert math.matching({"verb": "add", "a": 1, "b": 2}) == "add"


def test_a_request_that_fits_no_verb_hears_the_fault_of_each(math: Manifest) -> None:
    with pytest.raises(RefusedError, match=r"add: 'b' is a required property; negate: 'x' is a") as refusal:
        math.matching({"a": 1})
    assert refusal.value.code == 422


def test_a_named_verb_is_the_only_one_that_is_tried(math: Manifest) -> None:
    with pytest.raises(RefusedError, match=r"^add: b: 'two' is not of type 'number'$"):
        math.matching({"verb": "add", "a": 1, "b": "two"})


@pytest.mark.parametrize("verb", ["divide", "", None, 7, ["add"], {"add": 1}])
def test_an_unknown_verb_hears_which_there_are(math: Manifest, verb: object) -> None:
    if verb is None:
        assert math.matching({"verb": None, "x": 1}) == "negate"
        return
    with pytest.raises(RefusedError, match=r"math has no verb .*: it has add, negate") as refusal:
        math.matching({"verb": verb, "a": 1, "b": 2})
    assert refusal.value.code == 404


def test_a_unit_without_verbs_says_that_it_answers_nothing() -> None:
    mute = Manifest(name="mute", version="1.0.0", kind="sensor", description="")
    with pytest.raises(RefusedError, match="mute answers no requests"):
        mute.matching({})


def test_a_huge_wrong_value_is_quoted_only_in_part(math: Manifest) -> None:
    fault = math.verbs["negate"].fault({"x": "y" * 100_000})
    assert fault is not None
    assert len(fault) < 400


def test_a_verb_with_arguments_that_fit_has_no_fault() -> None:
    assert Verb(description="", arguments={"type": "object"}).fault({"anything": 1}) is None


def test_the_installed_manifests_are_read_in_order_of_their_addresses(tmp_path: Path) -> None:
    for unit in ("b", "a"):
        folder = tmp_path / "cells" / unit / "v1"
        folder.mkdir(parents=True)
        written(folder, GOOD.replace('"math"', f'"{unit}"'))
    assert [manifest.name for manifest in installed(tmp_path)] == ["a", "b"]
