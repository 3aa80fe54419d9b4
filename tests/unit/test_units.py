"""Every unit folder is like every other, and the manifests agree with each other and with the code."""

import importlib
import inspect
from pathlib import Path

import pytest

from shared.v1.cell import Cell
from shared.v1.manifest import Manifest, installed, load

ROOT = Path(__file__).parents[2]
MODULE_OF = {"cells": "cell.py", "nerves": "nerve.py", "organs": "organ.py"}
FOLDERS = [
    folder
    for package in MODULE_OF
    for folder in sorted((ROOT / package).glob("*/v*"))
    if folder.is_dir() and folder.name.removeprefix("v").isdecimal()
]
CELLS = [folder for folder in FOLDERS if folder.is_relative_to(ROOT / "cells")]


def name_of(folder: Path) -> str:
    return folder.relative_to(ROOT).as_posix()


def cell_class(folder: Path) -> type[Cell]:
    """The one cell that a unit's `cell.py` defines."""
    module = importlib.import_module(f"{name_of(folder).replace('/', '.')}.cell")
    [found] = [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Cell) and kind.__module__ == module.__name__
    ]
    assert issubclass(found, Cell)
    return found


def test_there_are_units() -> None:
    assert FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_unit_has_the_files_that_every_unit_has(folder: Path) -> None:
    package = folder.relative_to(ROOT).parts[0]
    files = {path.name for path in folder.iterdir() if path.is_file()}
    assert {"__init__.py", "__main__.py", MODULE_OF[package], "manifest.toml", "README.md"} <= files
    others = {name for name in files if not name.endswith(".py")} - {"manifest.toml", "README.md"}
    assert others == set()
    assert files.isdisjoint(set(MODULE_OF.values()) - {MODULE_OF[package]})


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_the_folder_is_named_after_the_major_version(folder: Path) -> None:
    assert load(folder / "manifest.toml").version.split(".")[0] == folder.name.removeprefix("v")


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_the_readme_says_how_to_run_it_alone(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert f"python -m {name_of(folder).replace('/', '.')}\n" in text
    assert f"nats sub {load(folder / 'manifest.toml').address.subject('dev', 'wave')}" in text or (
        f"nats req {load(folder / 'manifest.toml').address.subject('dev', 'request')}" in text
    )


@pytest.mark.parametrize("folder", CELLS, ids=name_of)
def test_what_the_manifest_says_of_lifeforce_is_what_the_moves_cost(folder: Path) -> None:
    costs = {move.trigger: move.cost for move in cell_class(folder).moves if move.cost}
    assert load(folder / "manifest.toml").lifeforce == costs


@pytest.mark.parametrize("folder", CELLS, ids=name_of)
def test_a_wave_that_names_no_label_belongs_to_the_region_of_its_cell(folder: Path) -> None:
    manifest = load(folder / "manifest.toml")
    assert manifest.name in {label for region in manifest.regions.values() for label in region.vocabulary}


@pytest.mark.parametrize("folder", CELLS, ids=name_of)
def test_a_cell_is_made_from_its_manifest_alone(folder: Path) -> None:
    cell = cell_class(folder)(load(folder / "manifest.toml"))
    assert cell.state is cell.initial


def test_no_address_is_taken_twice_by_the_same_major_version() -> None:
    taken = [(manifest.address.path, manifest.version.split(".")[0]) for manifest in installed()]
    assert sorted(set(taken)) == sorted(taken)


def test_no_two_manifests_claim_a_label_for_different_regions() -> None:
    def claims(manifest: Manifest) -> set[tuple[str, str]]:
        return {
            (label, region)
            for region, declared in manifest.regions.items()
            for label in (region, *declared.vocabulary)
        }

    claimed: dict[str, str] = {}
    for manifest in installed():
        for label, region in sorted(claims(manifest)):
            assert claimed.setdefault(label, region) == region, f"{manifest.name} claims {label!r} for {region}"
