"""What a process keeps beside the streams: objects (snapshots), and leases (who leads)."""

from typing import Protocol


class Stores(Protocol):
    """Objects in buckets, and leases. All methods raise TryAgainError when the server is away."""

    async def keep(self, bucket: str, name: str, data: bytes) -> None:
        """Keep an object of any size under a name; an earlier one of that name is replaced."""

    async def load(self, bucket: str, name: str) -> bytes | None:
        """The object of a name, None if there is none or if what is stored is not what was kept."""
        ...

    async def names(self, bucket: str) -> list[str]:
        """The names in a bucket, sorted; none if the bucket does not exist."""
        ...

    async def forget(self, bucket: str, name: str) -> None:
        """Remove an object; nothing happens if there is none."""

    async def hold(self, lease: str, owner: str, *, ttl_s: float) -> bool:
        """Take a lease, or renew it; True if `owner` holds it now. It ends `ttl_s` after the last renewal."""
        ...

    async def release(self, lease: str, owner: str) -> None:
        """Give a lease back, so that nobody needs to wait for its end."""
