"""A snapshot is the state, to the bit, or it is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.thalamus.conftest import Hand
from tests.unit.thalamus.test_fold import Life
from thalamus import snapshot
from thalamus.snapshot import DamagedError, decode, encode


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("half", [1, 17, 400, 1_500])
def test_a_life_goes_on_from_a_snapshot_as_if_nothing_had_happened(seed: int, half: int) -> None:
    straight, broken = Life(seed), Life(seed)
    straight.live(half + 500)
    broken.live(half)
    raw, _ = encode(broken.hand.state)
    broken.hand.state = decode(raw).state
    broken.live(500)
    assert [made.to_bytes() for made in broken.hand.decided] == [
        made.to_bytes() for made in straight.hand.decided
    ]
    assert encode(broken.hand.state) == encode(straight.hand.state)


def test_snapshots_name_the_one_before() -> None:
    hand = Hand()
    hand.wave("math", 0.5)
    first, digest = encode(hand.state)
    hand.wave("math", 0.6)
    second, _ = encode(hand.state, previous=digest)
    assert decode(second).previous == digest == decode(first).digest


def small() -> bytes:
    hand = Hand()
    hand.wave("math", 0.5)
    hand.wave("calculate", 0.5, garden="virtual", observed=5)
    return encode(hand.state)[0]


def test_a_snapshot_that_is_cut_anywhere_is_refused() -> None:
    raw = small()
    for length in range(len(raw)):
        with pytest.raises(DamagedError):
            decode(raw[:length])


def test_a_snapshot_with_any_byte_altered_is_refused() -> None:
    raw = small()
    for position in range(len(raw)):
        altered = bytearray(raw)
        altered[position] ^= 0x01
        with pytest.raises(DamagedError):
            decode(bytes(altered))


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_foreign_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(DamagedError):
        decode(raw)


def test_a_snapshot_of_another_kind_of_state_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "_state_out", lambda state: {"seq": state.seq, "gates": []})
    raw, _ = encode(Hand().state)
    with pytest.raises(DamagedError, match="another kind of state"):
        decode(raw)
