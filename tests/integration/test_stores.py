"""Objects and leases, on both forms of the bus."""

import asyncio

import pytest

from shared.v1.bus import Bus

TTL_S = 1.0


async def test_an_object_of_any_size_comes_back(bus: Bus) -> None:
    stores = bus.stores
    assert await stores.names("SNAPS") == []
    assert await stores.load("SNAPS", "a") is None
    big = bytes(range(256)) * 10_000
    await stores.keep("SNAPS", "b", b"")
    await stores.keep("SNAPS", "a", big)
    assert await stores.names("SNAPS") == ["a", "b"]
    assert await stores.load("SNAPS", "a") == big
    assert await stores.load("SNAPS", "b") == b""
    await stores.keep("SNAPS", "a", b"new")
    assert await stores.load("SNAPS", "a") == b"new"
    await stores.forget("SNAPS", "a")
    await stores.forget("SNAPS", "a")
    assert await stores.names("SNAPS") == ["b"]
    assert await stores.load("SNAPS", "a") is None


async def test_a_lease_has_one_holder_until_it_ends_or_is_given_back(bus: Bus) -> None:
    stores = bus.stores
    assert await stores.hold("thalamus", "one", ttl_s=TTL_S)
    assert not await stores.hold("thalamus", "other", ttl_s=TTL_S)
    assert await stores.hold("thalamus", "one", ttl_s=TTL_S)
    await stores.release("thalamus", "one")
    assert await stores.hold("thalamus", "other", ttl_s=TTL_S)
    assert not await stores.hold("thalamus", "one", ttl_s=TTL_S)


async def test_a_silent_holder_loses_its_lease(bus: Bus) -> None:
    stores = bus.stores
    assert await stores.hold("thalamus", "one", ttl_s=TTL_S)
    async with asyncio.timeout(20):
        while not await stores.hold("thalamus", "other", ttl_s=TTL_S):  # noqa: ASYNC110
            await asyncio.sleep(0)  # each round asks the server
    assert not await stores.hold("thalamus", "one", ttl_s=TTL_S)


@pytest.mark.parametrize("name", ["with blank", "ünïcode", "a/b"])
async def test_names_are_free(bus: Bus, name: str) -> None:
    await bus.stores.keep("SNAPS", name, b"x")
    assert await bus.stores.load("SNAPS", name) == b"x"
