"""Makes the streams and consumers of a NATS server agree with their declaration."""

from collections.abc import Sequence
from typing import Any

from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from shared.v1.errors import WrongPeerError
from shared.v1.streams import Change, ConsumerSpec, StreamChange, StreamSpec

_FIXED = ("storage", "retention")  # a server cannot change these on an existing stream


async def apply_streams(
    js: JetStreamContext, streams: Sequence[StreamSpec], *, dry_run: bool
) -> list[StreamChange]:
    """Create or update what differs; with `dry_run` only say what would be done.

    Raises WrongPeerError if a stream of that name belongs to another environment or cannot be changed.
    """
    changes = []
    for spec in streams:
        changes.append(await _apply_stream(js, spec, dry_run))
        for consumer in spec.consumers:
            changes.append(await _apply_consumer(js, consumer, dry_run))
    return changes


async def _apply_stream(js: JetStreamContext, spec: StreamSpec, dry_run: bool) -> StreamChange:
    wanted = _stream_config(spec)
    try:
        found = (await js.stream_info(spec.name)).config
    except NotFoundError:
        if not dry_run:
            await js.add_stream(api.StreamConfig(**wanted))
        return StreamChange(name=spec.name, change=Change.CREATE)
    differing = _differing(wanted, found)
    if not differing:
        return StreamChange(name=spec.name, change=Change.KEEP)
    theirs = {subject.split(".")[0] for subject in found.subjects or []}
    ours = {subject.split(".")[0] for subject in spec.subjects}
    if theirs != ours:
        raise WrongPeerError(
            f"the stream {spec.name} on this server belongs to {', '.join(sorted(theirs))}, not to "
            f"{', '.join(sorted(ours))}: give each environment a server or a NATS account of its own"
        )
    fixed = [name for name in differing if name in _FIXED]
    if fixed:
        raise WrongPeerError(
            f"the stream {spec.name} differs in {', '.join(fixed)}, which a server cannot change: "
            "back it up, delete it, and apply again"
        )
    if not dry_run:
        await js.update_stream(api.StreamConfig(**{**_as_fields(found), **wanted}))
    return StreamChange(name=spec.name, change=Change.UPDATE, fields=tuple(differing))


async def _apply_consumer(js: JetStreamContext, spec: ConsumerSpec, dry_run: bool) -> StreamChange:
    name = f"{spec.stream}/{spec.name}"
    wanted = _consumer_config(spec)
    try:
        found = (await js.consumer_info(spec.stream, spec.name)).config
    except NotFoundError:
        if not dry_run:
            await js.add_consumer(spec.stream, api.ConsumerConfig(**wanted))
        return StreamChange(name=name, change=Change.CREATE)
    differing = _differing(wanted, found)
    if not differing:
        return StreamChange(name=name, change=Change.KEEP)
    if not dry_run:
        await js.add_consumer(spec.stream, api.ConsumerConfig(**{**_as_fields(found), **wanted}))
    return StreamChange(name=name, change=Change.UPDATE, fields=tuple(differing))


def _differing(wanted: dict[str, Any], found: object) -> list[str]:
    # A server leaves out what is false or zero.
    return [name for name, value in wanted.items() if (getattr(found, name) or None) != (value or None)]


def _as_fields(config: api.Base) -> dict[str, Any]:
    return {name: value for name, value in vars(config).items() if value is not None}


def _stream_config(spec: StreamSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "description": spec.description,
        "subjects": list(spec.subjects),
        "retention": api.RetentionPolicy.LIMITS,
        "storage": api.StorageType.FILE,  # a stream in memory is gone after a restart, with its declaration
        "discard": api.DiscardPolicy.OLD,
        "max_bytes": spec.max_bytes,
        "max_age": float(spec.max_age_s),
        "max_msgs_per_subject": spec.max_per_subject or -1,
        "allow_direct": True,
        "allow_atomic": spec.atomic,
    }


def _consumer_config(spec: ConsumerSpec) -> dict[str, Any]:
    return {
        "durable_name": spec.name,
        "description": spec.description,
        "filter_subject": spec.filter,
        "ack_policy": api.AckPolicy.EXPLICIT,
        "ack_wait": float(spec.ack_wait_s),
        "max_deliver": spec.max_deliver,
        "max_ack_pending": spec.max_ack_pending,
    }
