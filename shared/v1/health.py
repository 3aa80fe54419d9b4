"""/livez, /readyz and /metrics on an optional port, for Kubernetes and Prometheus.

It runs in a thread of its own, so that it can say that the event loop hangs.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from shared.v1.errors import RefusedError

log = logging.getLogger(__name__)

_HANGS_AFTER_S = 10.0


class _Server(ThreadingMixIn, WSGIServer):
    """One thread per request: who connects and says nothing must not hold up the probes."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("a probe failed", extra={"action": "probe"}, exc_info=True)


class _Handler(WSGIRequestHandler):
    timeout = 5.0

    def log_message(self, format: str, *args: object) -> None:
        pass  # probes come every few seconds


class Health:
    """What a process tells of its health. `beat` must be called from the event loop about every second."""

    def __init__(self, registry: CollectorRegistry, ready: Callable[[], str]) -> None:
        """`ready` returns an empty text when the process is ready, else what it waits for."""
        self._metrics = make_wsgi_app(registry)
        self._ready = ready
        self._last_beat = time.monotonic()
        self._server: WSGIServer | None = None

    def beat(self) -> None:
        """The event loop lives."""
        self._last_beat = time.monotonic()

    def start(self, host: str, port: int) -> int:
        """Listen; return the port (0 chooses a free one). Raises RefusedError if it is taken."""
        try:
            self._server = make_server(host, port, self._answer, _Server, _Handler)
        except OSError as error:
            raise RefusedError(
                f"cannot listen on {host}:{port} ({error}): set NIMMERVERSE_HTTP_PORT to a free port"
            ) from None
        # It looks for the end that often, so leaving takes no longer.
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="health", daemon=True).start()
        return self._server.server_port

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        match environ.get("PATH_INFO"):
            case "/livez":
                silent = time.monotonic() - self._last_beat
                waits = f"the event loop has been silent for {silent:.0f} s" if silent > _HANGS_AFTER_S else ""
            case "/readyz":
                waits = self._ready()
            case "/metrics":
                return list(self._metrics(environ, start_response))
            case _:
                start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
                return [b"there are /livez, /readyz and /metrics\n"]
        status = "503 Service Unavailable" if waits else "200 OK"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{waits or 'ok'}\n".encode()]
