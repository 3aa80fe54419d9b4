"""Where the data of an environment lives, and the lock that lets only one `up` use it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import platformdirs

from console.exits import CommandError, Exit


def data_folder(env: str) -> Path:
    """Where `up` keeps streams and logs: ~/.local/share/nimmerverse/<env> on Linux."""
    return Path(platformdirs.user_data_dir("nimmerverse", appauthor=False)) / env


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Own a folder for the length of a run; the system frees it if we are killed.

    Raises CommandError that names the process which owns it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "up.lock").open("a+b")
    except OSError as error:
        raise CommandError(f"the data folder cannot be used: {error}", Exit.USAGE) from None
    with lock:
        if not _lock(lock):
            lock.seek(0)
            owner = lock.read().decode(errors="replace").strip()
            raise CommandError(
                f"another `nimmerverse up` (process {owner}) uses {folder}: stop it, or choose another --env",
                Exit.USAGE,
            )
        lock.truncate(0)
        lock.write(str(os.getpid()).encode())
        lock.flush()
        yield


def _lock(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1024)  # Windows locks bytes, and the first ones must stay readable
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
