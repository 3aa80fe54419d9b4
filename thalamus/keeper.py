"""Keeps snapshots in an object store, and finds the newest sound one again.

Any snapshot gives the same state as folding from the beginning; they only save time. A damaged one is
reported and passed over.
"""

import logging
import time

from shared.v1.bus import Bus
from shared.v1.errors import TryAgainError
from thalamus.fold import State
from thalamus.snapshot import NO_PREVIOUS, DamagedError, Snapshot, decode, encode

log = logging.getLogger(__name__)

BUCKET = "SNAPSHOTS"
KEPT = 4
"""Snapshots that are kept: if the newest are damaged, older ones serve."""


async def newest_snapshot(bus: Bus, *, not_after: int) -> Snapshot | None:
    """The newest sound snapshot that is not beyond a position in SENSES, None if there is none."""
    for name in reversed(await bus.stores.names(BUCKET)):
        if name.isdigit() and int(name) > not_after:
            continue
        try:
            snapshot = decode(await bus.stores.load(BUCKET, name) or b"")
        except DamagedError as error:
            log.error("snapshot damaged", extra={"action": "snapshot", "snapshot": name, "error": str(error)})
            continue
        if snapshot.state.seq <= not_after:
            return snapshot
    return None


class SnapshotKeeper:
    """Decides when a snapshot is due, and keeps and finds them."""

    def __init__(self, bus: Bus, *, every_inputs: int, every_s: float) -> None:
        self._bus = bus
        self._every_inputs = every_inputs
        self._every_s = every_s
        self._previous = NO_PREVIOUS
        self._kept_seq = 0
        self._kept_at = time.monotonic()

    async def restore(self, *, not_after: int) -> State:
        """The newest sound state that is not beyond a position in SENSES; an empty one if there is none."""
        snapshot = await newest_snapshot(self._bus, not_after=not_after)
        if snapshot is None:
            return State()
        self._previous, self._kept_seq = snapshot.digest, snapshot.state.seq
        return snapshot.state

    def is_due(self, state: State) -> bool:
        """True if enough was folded, or enough time has passed, since the last snapshot."""
        folded = state.seq - self._kept_seq
        return folded >= self._every_inputs or (folded > 0 and self.age_s >= self._every_s)

    @property
    def age_s(self) -> float:
        """Seconds since the last snapshot, or since the start."""
        return time.monotonic() - self._kept_at

    async def keep(self, state: State) -> None:
        """Keep a snapshot, and no more than `KEPT`. All decisions up to it must be stored already.

        A store that is away is reported; folding must not wait for it.
        """
        if state.seq == self._kept_seq:
            return
        raw, digest = encode(state, previous=self._previous)
        try:
            await self._bus.stores.keep(BUCKET, f"{state.seq:020d}", raw)
            for name in (await self._bus.stores.names(BUCKET))[:-KEPT]:
                await self._bus.stores.forget(BUCKET, name)
        except TryAgainError as error:
            log.warning("no snapshot", extra={"action": "snapshot", "error": str(error)})
            return
        self._previous, self._kept_seq, self._kept_at = digest, state.seq, time.monotonic()
