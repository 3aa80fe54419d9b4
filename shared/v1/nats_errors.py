"""What nats-py raises, translated once into the three kinds of trouble of `errors`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import nats.errors
import nats.js.errors

from shared.v1.errors import FencedError, RefusedError, TryAgainError, WrongPeerError

log = logging.getLogger(__name__)

_WRONG_LAST_SEQUENCE = frozenset({10071, 10164})  # the two codes with which a server refuses an expectation


@contextmanager
def translated(subject: str = "") -> Iterator[None]:
    """Turn what nats-py raises into the three kinds of trouble."""
    try:
        yield
    except nats.js.errors.NoStreamResponseError:
        raise TryAgainError(f"no stream keeps {subject}: run `nimmerverse streams apply`") from None
    except nats.js.errors.APIError as error:
        code = getattr(error, "code", None)  # those of the key-value store have none
        if getattr(error, "err_code", None) in _WRONG_LAST_SEQUENCE:
            raise FencedError(f"somebody else wrote first: {error.description}") from None
        if code in (408, 503) or isinstance(error, nats.js.errors.ServiceUnavailableError):
            raise TryAgainError(f"the server is not ready: {error.description or 'no answer'}") from None
        if code == 404:
            raise WrongPeerError(
                f"the server does not have it ({error.description}): run `nimmerverse streams apply`"
            ) from None
        raise RefusedError(f"the server refused: {error.description}", code=code or 500) from None
    except nats.errors.MaxPayloadError:
        raise RefusedError("the message is larger than the server takes (max_payload)", code=413) from None
    except nats.errors.BadSubjectError:
        raise RefusedError(f"the subject {subject!r} cannot be published on") from None
    except (nats.errors.Error, TimeoutError, OSError) as error:
        raise TryAgainError(f"the server did not answer ({text_of(error)})") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Let trouble with the server pass: for a goodbye that nobody may hear."""
    try:
        yield
    except (nats.errors.Error, TimeoutError, OSError) as error:
        log.debug("left without a goodbye", extra={"action": "close", "error": text_of(error)})


def text_of(error: BaseException) -> str:
    """What an error says, or its name if it says nothing."""
    return str(error) or type(error).__name__
