"""Which model weighs: an Ollama server, an embedded GGUF, or none; decided once, when a process starts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from cognition.llama import Llama, Tell
from cognition.model import NO_MODEL, Model, ModelAbsentError, NoModel
from cognition.settings import CognitionSettings
from cognition.weights import default_weights

GGUF = ".gguf"


@asynccontextmanager
async def embedded(wanted: str, settings: CognitionSettings, tell: Tell) -> AsyncIterator[Model]:
    """The embedded model: `wanted` is a .gguf path, `none`, or empty for the default weights.

    `tell` hears when the model goes and comes back. What is missing is said in `detail`, not raised.
    """
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(await _embedded(wanted, settings, tell))


@asynccontextmanager
async def any_model(wanted: str, settings: CognitionSettings, tell: Tell) -> AsyncIterator[Model]:
    """Ollama where OLLAMA_HOST is set and answers, else the embedded model.

    `wanted` may also be the name of a model of Ollama; then nothing else will do.
    """
    async with AsyncExitStack() as stack:
        try:
            model = await _on_ollama(wanted, settings, stack)
        except ModelAbsentError as absent:
            model = NoModel(absent.reason)
        yield model or await stack.enter_async_context(await _embedded(wanted, settings, tell))


async def _on_ollama(wanted: str, settings: CognitionSettings, stack: AsyncExitStack) -> Model | None:
    if wanted == NO_MODEL or wanted.endswith(GGUF):
        return None
    if not settings.ollama_host:
        if wanted:
            raise ModelAbsentError(f"NIMMERVERSE_NYX_MODEL is {wanted!r}, but OLLAMA_HOST is not set")
        return None
    from cognition.ollama_host import OllamaModel

    try:
        return await stack.enter_async_context(OllamaModel(settings.ollama_host, wanted))
    except ModelAbsentError:
        if wanted:
            raise
        return None


async def _embedded(wanted: str, settings: CognitionSettings, tell: Tell) -> Model:
    if wanted == NO_MODEL:
        return NoModel("the settings say none")
    try:
        if wanted:
            weights = Path(wanted).expanduser()
            if not weights.is_file():
                raise ModelAbsentError(f"{weights} is not there")
        else:
            weights = await asyncio.to_thread(default_weights, settings.weights_folder)
    except ModelAbsentError as absent:
        return NoModel(absent.reason)
    return Llama(weights, threads=settings.model_threads, tell=tell)
