"""Dead letters: nothing that was refused is lost, whatever it was."""

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.v1 import dead, subjects
from shared.v1.bus import Stored
from shared.v1.bus_memory import MemoryBus
from shared.v1.messages import DeadLetter
from shared.v1.streams import DEAD, streams_of

WAVE = "dev.nervous.cells.math.wave"
ROOM = 60_000


class SmallBus(MemoryBus):
    """A bus whose messages are small, so that large bodies need not be made."""

    @property
    def max_body(self) -> int:
        return ROOM


async def letter_of(message: Stored, reason: str = "say it better", bus: MemoryBus | None = None) -> DeadLetter:
    bus = bus or SmallBus()
    await bus.apply(streams_of("dev"))
    await dead.bury(bus, "dev", message, reason, by="thalamus/1.0.0/a")
    kept = await bus.get(DEAD, 1)
    assert kept is not None
    assert subjects.parse(kept.subject).kind is subjects.Kind.DEAD
    assert len(kept.subject) + len(kept.body) <= bus.max_body
    return DeadLetter.from_bytes(kept.body)


def refused(body: bytes, subject: str = WAVE, headers: dict[str, str] | None = None) -> Stored:
    return Stored(subject=subject, body=body, headers=headers or {}, stream="SENSES", seq=17, at_ms=1)


async def test_a_letter_says_what_was_refused_by_whom_and_why() -> None:
    letter = await letter_of(refused(b'{"confidence":7}', headers={"Nats-Msg-Id": "x"}), "confidence is 7")
    assert letter.id == "SENSES:17"
    assert (letter.stream, letter.sequence, letter.subject) == ("SENSES", 17, WAVE)
    assert (letter.reason, letter.refused_by) == ("confidence is 7", "thalamus/1.0.0/a")
    assert (letter.encoding, letter.body) == ("utf-8", '{"confidence":7}')
    assert letter.headers == {"Nats-Msg-Id": "x"}
    assert letter.size == 16


async def test_saying_it_twice_keeps_one_letter() -> None:
    bus = SmallBus()
    await letter_of(refused(b"x"), "once", bus)
    await letter_of(refused(b"x"), "twice", bus)
    assert await bus.last_seq(DEAD) == 1


async def test_two_refusals_of_one_subject_have_two_letters() -> None:
    bus = SmallBus()
    await bus.apply(streams_of("dev"))
    for seq in (1, 2):
        message = Stored(subject=WAVE, body=b"x", stream="SENSES", seq=seq, at_ms=1)
        await dead.bury(bus, "dev", message, "no", by="me")
    assert await bus.last_seq(DEAD) == 2


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"plain", "utf-8"),
        (b"\xff\x00", "base64"),
        (b"\x00" * 3 * ROOM, "zlib+base64"),
        (b"a" * 3 * ROOM, "zlib+base64"),
    ],
)
async def test_a_body_is_kept_in_the_most_readable_form_that_fits(body: bytes, encoding: str) -> None:
    letter = await letter_of(refused(body))
    assert letter.encoding == encoding
    assert dead.original(letter) == body


async def test_a_body_that_fits_in_no_form_leaves_its_beginning_and_its_hash() -> None:
    body = random.Random(1).randbytes(3 * ROOM)  # noise cannot be packed
    letter = await letter_of(refused(body))
    assert letter.truncated
    assert body.startswith(dead.original(letter))
    assert (letter.size, letter.sha256) == (len(body), hashlib.sha256(body).hexdigest())


@given(
    body=st.binary(max_size=300)
    | st.text(max_size=300).map(str.encode)
    | st.binary(min_size=1).map(lambda b: b * 9000),
    subject=st.text(max_size=300) | st.integers(1, 9000).map(lambda n: "x." * n),
    headers=st.dictionaries(st.text(max_size=2000), st.text(max_size=2000), max_size=50),
    reason=st.text(max_size=3000),
)
async def test_every_refused_message_has_a_letter_that_fits_and_gives_the_bytes_back(
    body: bytes, subject: str, headers: dict[str, str], reason: str
) -> None:
    letter = await letter_of(refused(body, subject, headers), reason)
    if letter.truncated:
        assert body.startswith(dead.original(letter))
    else:
        assert dead.original(letter) == body
    assert letter.sha256 == hashlib.sha256(body).hexdigest()
