"""What the two processes of cognition may be told beside what every process is told."""

from pathlib import Path

from pydantic import AliasChoices, Field

from shared.v1.settings import Settings


class CognitionSettings(Settings):
    """Which models weigh, for how long, and how much."""

    gemma_model: str = Field(
        default="",
        pattern=r"^(none|.*\.gguf)?$",
        description="none, the path of a .gguf file, or empty for the default weights",
    )
    gemma_deadline_s: float = Field(default=2.0, gt=0, le=60, description="seconds that the boundary waits")
    nyx_model: str = Field(
        default="",
        description="none, the path of a .gguf file, the name of a model of Ollama, or empty for the first",
    )
    nyx_deadline_s: float = Field(default=4.0, gt=0, le=600, description="seconds that Nyx waits for a model")
    nyx_budget_s: float = Field(
        default=30.0, gt=0, le=3600, description="seconds after which an answer is no use any more"
    )
    thought_budget: float = Field(
        default=4000.0, ge=0, le=30000, description="lifeforce that one thought may cost: its milliseconds"
    )
    model_lift: float = Field(
        default=0.10, ge=0, le=0.95, description="how much more often than by chance the model is right"
    )
    model_threads: int = Field(default=2, ge=1, le=256, description="threads of an embedded model")
    ollama_host: str = Field(
        default="",
        validation_alias=AliasChoices("NIMMERVERSE_OLLAMA_HOST", "OLLAMA_HOST"),
        description="the address of an Ollama server",
    )
    command_timeout_s: float = Field(
        default=2.0, gt=0, le=60, description="seconds that a commanded unit has to answer"
    )
    command_attempts: int = Field(
        default=5, ge=1, le=20, description="how often a unit that does not answer is asked"
    )
    cache_home: str = Field(
        default="",
        validation_alias=AliasChoices("NIMMERVERSE_CACHE_HOME", "XDG_CACHE_HOME"),
        description="a folder for files that can be made again",
    )

    @property
    def weights_folder(self) -> Path:
        """Where the default weights lie once they are assembled."""
        cache = Path(self.cache_home) if self.cache_home else Path.home() / ".cache"
        return cache / "nimmerverse" / "weights"
