"""The errors of the project: one root, and three kinds of foreign trouble.

Errors of libraries are translated once, at the edge where they arise, into one of the three kinds;
the text of each is a sentence that a person can act on.
"""


class NimmerverseError(Exception):
    """Root of everything this project raises on purpose."""


class TryAgainError(NimmerverseError):
    """The other side is away or busy; the same call may go through later."""


class RefusedError(NimmerverseError):
    """The other side, or a check of ours, said no; repeating it unchanged is useless.

    `code` follows HTTP (400 bad request, 404 unknown, 409 conflict, 413 too large, 422 impossible).
    """

    def __init__(self, reason: str, *, code: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class FencedError(RefusedError):
    """A conditional append found that somebody else had written first."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, code=409)


class WrongPeerError(NimmerverseError):
    """What answered is not what was expected: an old server, another environment's streams."""
