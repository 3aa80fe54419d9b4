"""Rules that hold everywhere: who imports whom, where NATS and subjects are known, how long a module may be."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
UNITS = ("cells", "nerves", "organs")
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
MAX_LINES = 400

EDGE = re.compile(r"shared/v1/(bus_nats|nats_\w+)\.py")
SUBJECT_WRITERS = {f"shared/v1/{name}.py" for name in ("subjects", "streams", "channels", "contract")}
SUBJECT = re.compile(r"[\w*>-]+\.(nervous|cognitive|organs|dead)(\.[\w*>-]+)+")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


TREES = {name_of(path): ast.parse(path.read_text(encoding="utf-8"), name_of(path)) for path in MODULES}


def faults(found: Mapping[str, Sequence[object]]) -> dict[str, Sequence[object]]:
    """Those modules in which something was found."""
    return {name: what for name, what in found.items() if what}


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all that is imported, wherever in the module."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names):
                yield from (f"{module}.{alias.name}" for alias in names)


def literals(tree: ast.AST) -> Iterator[str]:
    """All texts; what is put into an f-string is shown as `x`."""
    inside = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=parts):
                yield "".join(
                    part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "x"
                    for part in parts
                )
            case ast.Constant(value=str(text)) if node not in inside:
                yield text


def faults_in_imports(name: str, tree: ast.AST) -> list[str]:
    package, *rest = name.split("/")
    ours = [module for module in imported(tree) if module.split(".")[0] in PACKAGES]
    if package == "console":
        return []
    if package in UNITS and len(rest) > 1:
        return [module for module in ours if not module.startswith(("shared.", f"{package}.{rest[0]}."))]
    return [module for module in ours if module.split(".")[0] not in ("shared", package)]


def faults_in_levels(tree: ast.AST) -> list[int]:
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


def faults_in_printing(tree: ast.AST) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def faults_in_subjects(tree: ast.AST) -> list[str]:
    return [text for text in literals(tree) if SUBJECT.fullmatch(text)]


def test_every_package_of_ours_is_installed_and_nothing_else() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert found == set(PACKAGES)
    assert MODULES


def test_a_package_imports_shared_and_itself_and_never_a_peer() -> None:
    assert faults({name: faults_in_imports(name, tree) for name, tree in TREES.items()}) == {}


def test_imports_are_absolute() -> None:
    assert faults({name: faults_in_levels(tree) for name, tree in TREES.items()}) == {}


def test_nats_is_known_only_at_the_edge() -> None:
    named = {
        name: [module for module in imported(tree) if module.split(".")[0] == "nats"]
        for name, tree in TREES.items()
    }
    assert [name for name in faults(named) if not EDGE.fullmatch(name)] == []


def test_subjects_are_built_in_one_place() -> None:
    found = faults({name: faults_in_subjects(tree) for name, tree in TREES.items()})
    assert found.keys() <= SUBJECT_WRITERS, found


def test_a_module_is_one_thing() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_a_module_says_what_it_is() -> None:
    assert [name for name, tree in TREES.items() if tree.body and not ast.get_docstring(tree)] == []


def test_a_module_prints_nothing() -> None:
    assert faults({name: faults_in_printing(tree) for name, tree in TREES.items()}) == {}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("shared/v1/a.py", "import thalamus.gate"),
        ("cells/math_cell/v1/cell.py", "from cells.battery_cell.v1 import cell"),
        ("thalamus/a.py", "def f():\n    from cognition import nyx"),
        ("cells/math_cell/v1/cell.py", "from console.main import main"),
    ],
)
def test_an_import_of_a_peer_would_be_found(name: str, code: str) -> None:
    assert faults_in_imports(name, ast.parse(code))


@pytest.mark.parametrize(
    "code", ['f"{env}.nervous.cells.{name}.wave"', '"dev.cognitive.nyx.request"', '"*.organs.*.wave"']
)
def test_a_subject_that_is_built_by_hand_would_be_found(code: str) -> None:
    assert faults_in_subjects(ast.parse(code))


@pytest.mark.parametrize(
    "code", ['"stands at nervous.cells.math"', 'f"publish on {env}.nervous.cells.NAME.wave instead"', '"a.b.c"']
)
def test_a_text_for_people_may_name_a_subject(code: str) -> None:
    assert faults_in_subjects(ast.parse(code)) == []
