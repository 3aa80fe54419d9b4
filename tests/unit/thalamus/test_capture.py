"""A capture is read back as it was written, or refused."""

import gzip
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.v1.bus import Stored
from tests.unit.thalamus.inputs import stored, stored_wave
from thalamus import capture
from thalamus.capture import CaptureError, Header

HEADER = Header(env="dev", stream="SENSES", first=1, last=9, created=datetime(2026, 1, 31, 12, tzinfo=UTC))
MESSAGES = [
    stored_wave("math", 0.6, seq=3, at=10),
    Stored(
        subject="dev.nervous.cells.math.wave",
        body='{"semantic": "Hindernis — links"}'.encode(),
        headers={"Nats-Msg-Id": "a"},
        stream="SENSES",
        seq=5,
        at_ms=12,
    ),
    stored("dev.nervous.thalamus.tick", b"\xff\x00", seq=9),
]


def content(path: Path) -> bytes:
    return path.read_bytes()


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def each(messages: Sequence[Stored]) -> AsyncIterator[Stored]:
    for message in messages:
        yield message


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    path = tmp_path / f"morning{capture.SUFFIX}"
    assert await capture.write(path, HEADER, each(MESSAGES)) == 3
    return path


async def test_what_was_written_is_read(file: Path) -> None:
    assert capture.check(file) == (HEADER, 3)
    assert [message async for message in capture.messages(file)] == MESSAGES
    assert names(file.parent) == [file.name]


async def test_equal_captures_are_equal_files(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    await capture.write(other, HEADER, each(MESSAGES))
    assert content(other) == content(file)


def test_it_is_plain_json_lines_in_gzip(file: Path) -> None:
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert lines[0]["format"] == "nimmerverse-capture/1"
    assert lines[1]["seq"] == 3
    assert lines[-1]["count"] == 3
    assert len(lines[-1]["sha256"]) == 64


async def test_nothing_is_written_over(file: Path) -> None:
    before = content(file)
    with pytest.raises(CaptureError, match="exists already"):
        await capture.write(file, HEADER, each([]))
    assert content(file) == before


async def test_a_recording_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[Stored]:
        yield MESSAGES[0]
        raise RuntimeError("the server went away")

    with pytest.raises(RuntimeError):
        await capture.write(tmp_path / "half", HEADER, broken())
    assert names(tmp_path) == []


def test_a_file_that_was_cut_at_any_byte_is_refused(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    part = tmp_path / "part"
    for length in range(len(whole)):
        part.write_bytes(whole[:length])
        with pytest.raises(CaptureError):
            capture.check(part)


def test_a_file_with_any_byte_altered_is_refused_or_says_the_same(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    altered = tmp_path / "altered"
    for place in range(len(whole)):
        altered.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            assert capture.check(altered) == (HEADER, 3)
        except CaptureError:
            continue
        assert place < 10  # the file system and the time in the head of gzip say nothing of the content


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: lines[:-1], "cut short"),
        (lambda lines: [*lines[:2], *lines[3:]], "altered"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "altered"),
        (lambda lines: [*lines, lines[1]], "follows its last line"),
        (lambda lines: [b"{}", *lines[1:]], "first line must name the format"),
        (lambda lines: [lines[0], b'{"seq": 1}', *lines[1:]], "no message"),
        (lambda lines: [lines[0], b"[]", *lines[1:]], "no JSON object"),
        (lambda lines: [lines[0], b"{", *lines[1:]], "altered"),
        (lambda lines: [], "cut short"),
    ],
)
def test_other_lines_are_refused_with_a_sentence(file: Path, change: object, says: str) -> None:
    lines = gzip.decompress(file.read_bytes()).splitlines()
    assert callable(change)
    file.write_bytes(gzip.compress(b"".join(line + b"\n" for line in change(lines))))
    with pytest.raises(CaptureError, match=says):
        capture.check(file)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="does not exist"):
        capture.check(tmp_path / "nothing")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(CaptureError, match="no capture"):
        capture.check(tmp_path / "text")
