"""Objects and leases on NATS: an object store per bucket, and one key-value bucket whose entries age out."""

import logging
from contextlib import suppress

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext, api
from nats.js.kv import KeyValue
from nats.js.object_store import ObjectStore

from shared.v1.nats_errors import translated

log = logging.getLogger(__name__)

LEASES = "LEASES"

_MAX_BYTES = 1024 * 1024 * 1024


class NatsStores:
    """`stores.Stores` on a NATS server."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js
        self._revisions: dict[tuple[str, str], int] = {}  # lease and owner → our last renewal

    async def keep(self, bucket: str, name: str, data: bytes) -> None:
        with translated():
            store = await self._bucket(bucket)
            await store.put(name, data)

    async def load(self, bucket: str, name: str) -> bytes | None:
        with translated():
            try:
                store = await self._js.object_store(bucket)
                return (await store.get(name)).data
            except (nats.js.errors.NotFoundError, nats.js.errors.ObjectNotFoundError):
                return None
            except nats.js.errors.Error as error:
                if isinstance(error, nats.js.errors.APIError):
                    raise
                # nats-py compares with the digest that was kept with the object.
                log.warning("object damaged", extra={"action": "object", "object": name, "error": str(error)})
                return None

    async def names(self, bucket: str) -> list[str]:
        with translated():
            try:
                store = await self._js.object_store(bucket)
                return sorted(info.name for info in await store.list() if not info.deleted)
            except nats.js.errors.NotFoundError:  # no bucket, or nothing in it
                return []

    async def forget(self, bucket: str, name: str) -> None:
        with translated():
            try:
                store = await self._js.object_store(bucket)
                await store.delete(name)
            except (nats.js.errors.NotFoundError, nats.js.errors.ObjectNotFoundError):
                return

    async def hold(self, lease: str, owner: str, *, ttl_s: float) -> bool:
        with translated():
            bucket = await self._leases(ttl_s)
            known = self._revisions.pop((lease, owner), None)
            if known is not None:
                try:
                    self._revisions[lease, owner] = await bucket.update(lease, owner.encode(), last=known)
                    return True
                except nats.js.errors.KeyWrongLastSequenceError:
                    pass  # it ended meanwhile, or an answer was lost
            return await self._take(bucket, lease, owner)

    async def _take(self, bucket: KeyValue, lease: str, owner: str) -> bool:
        """Take a free lease, or recognise as ours the one of which we never heard that we got it."""
        try:
            self._revisions[lease, owner] = await bucket.create(lease, owner.encode())
            return True
        except (nats.js.errors.KeyWrongLastSequenceError, nats.js.errors.KeyNotFoundError):
            # Held; or it ended between two questions of nats-py, and the next call will take it.
            pass
        try:
            entry = await bucket.get(lease)
        except nats.js.errors.KeyNotFoundError:
            return False
        if entry.value != owner.encode() or entry.revision is None:
            return False
        self._revisions[lease, owner] = entry.revision
        return True

    async def release(self, lease: str, owner: str) -> None:
        revision = self._revisions.pop((lease, owner), None)
        if revision is None:
            return
        with translated():
            bucket = await self._js.key_value(LEASES)
            # If it ended meanwhile, another may hold it, and it stays theirs.
            with suppress(nats.js.errors.KeyWrongLastSequenceError):
                await bucket.delete(lease, last=revision)

    async def _bucket(self, bucket: str) -> ObjectStore:
        try:
            return await self._js.object_store(bucket)
        except nats.js.errors.NotFoundError:
            config = api.ObjectStoreConfig(max_bytes=_MAX_BYTES)
            return await self._js.create_object_store(bucket, config=config)

    async def _leases(self, ttl_s: float) -> KeyValue:
        try:
            return await self._js.key_value(LEASES)
        except nats.js.errors.NotFoundError:
            config = api.KeyValueConfig(bucket=LEASES, history=1, ttl=ttl_s)
            return await self._js.create_key_value(config=config)
