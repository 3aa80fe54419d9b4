"""Which model weighs: an Ollama server, an embedded GGUF, or none; decided once, when a process starts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from cognition.llama import Llama, Tell
from cognition.model import NO_MODEL, Model, ModelAbsentError, NoModel
from cognition.settings import CognitionSettings
from cognition.weights import default_weights

log = logging.getLogger(__name__)

GGUF = ".gguf"

OpenModel = Callable[[str, CognitionSettings, Tell], Awaitable[Model]]
"""From what is wanted, the settings and who hears of changes, to a model that is to be entered."""


async def embedded(wanted: str, settings: CognitionSettings, tell: Tell) -> Model:
    """The embedded model, to be entered: `wanted` is a .gguf path, `none`, or empty for the default weights.

    `tell` hears when the model goes and comes back. What is missing is said in `detail`, not raised.
    """
    if wanted == NO_MODEL:
        return NoModel("the settings say none")
    try:
        weights = await asyncio.to_thread(_weights, wanted, settings)
    except ModelAbsentError as absent:
        return NoModel(absent.reason)
    return Llama(weights, threads=settings.model_threads, tell=tell)


async def any_model(wanted: str, settings: CognitionSettings, tell: Tell) -> Model:
    """Ollama where OLLAMA_HOST is set and answers, else the embedded model; to be entered.

    `wanted` may also be the name of a model of Ollama; then nothing else will do.
    """
    if wanted == NO_MODEL or wanted.endswith(GGUF):
        return await embedded(wanted, settings, tell)
    if settings.ollama_host:
        from cognition.ollama_host import OllamaModel

        try:
            return await OllamaModel.find(settings.ollama_host, wanted)
        except ModelAbsentError as absent:
            if wanted:
                return NoModel(absent.reason)
            log.warning("no Ollama", extra={"action": "fallback", "reason": absent.reason})
    elif wanted:
        return NoModel(f"NIMMERVERSE_NYX_MODEL is {wanted!r}, but OLLAMA_HOST is not set")
    return await embedded("", settings, tell)


def _weights(wanted: str, settings: CognitionSettings) -> Path:
    if not wanted:
        return default_weights(settings.weights_folder)
    weights = Path(wanted).expanduser()
    if not weights.is_file():
        raise ModelAbsentError(f"{weights} is not there")
    return weights
