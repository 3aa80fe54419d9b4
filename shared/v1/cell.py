"""The base of every cell: a small state machine that senses or answers, and says how sure it is.

A cell declares its states and moves as data (each move costs lifeforce), and implements `sense`, `on_call`,
or both. It never learns what becomes of its waves.
"""

import json
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, ClassVar

from prometheus_client import Counter
from pydantic import JsonValue
from transitions import Machine, MachineError

from shared.v1.bus import Endpoint, Message
from shared.v1.errors import NimmerverseError
from shared.v1.manifest import Manifest
from shared.v1.messages import WaveSignal
from shared.v1.messages.base import json_object
from shared.v1.runtime import Context
from shared.v1.settings import Settings
from shared.v1.states import UnitState

log = logging.getLogger(__name__)

COMMAND_HEADER = "Nimmerverse-Command"
"""Names the command of cognition that a request carries out. A person's request has none."""

_REMEMBERED_COMMANDS = 256
_MAX_BACKOFF_S = 60.0


class CellError(NimmerverseError):
    """A cell was asked for a move that its state does not allow."""


@dataclass(frozen=True, slots=True)
class Move:
    """One arrow of a cell's state machine. `source` may be several states; `cost` is lifeforce."""

    trigger: str
    source: Enum | Sequence[Enum]
    dest: Enum
    cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that passed the manifest's schema. `command` is empty when a person asks."""

    verb: str
    arguments: Mapping[str, Any]
    command: str = ""


class Cell:
    """A unit of the nervous system. Subclass it, set `states`, `initial`, `moves`, and implement a method."""

    states: ClassVar[type[Enum]]
    initial: ClassVar[Enum]
    moves: ClassVar[Sequence[Move]]
    sense_every_s: ClassVar[float | None] = None
    settings_type: type[Settings] = Settings

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.lifeforce_spent = 0.0
        self._costs = {move.trigger: move.cost for move in self.moves}
        self._uncharged = 0.0  # spent since the last wave
        self._life = _Life()
        self._machine = Machine(
            model=self._life,
            states=self.states,
            initial=self.initial,
            transitions=[
                {"trigger": move.trigger, "source": move.source, "dest": move.dest} for move in self.moves
            ],
            auto_transitions=False,
        )
        self._context: Context | None = None
        self._born_ms = 0
        self._waves = 0
        self._waves_total: Counter | None = None
        self._answers: OrderedDict[str, bytes] = OrderedDict()

    @property
    def state(self) -> Enum:
        """The state of the machine."""
        return self._life.state

    @property
    def context(self) -> Context:
        """What the runtime gave; only while the cell runs."""
        if self._context is None:
            raise CellError(f"{self.manifest.name} does not run yet")
        return self._context

    def move(self, trigger: str) -> None:
        """Go along an arrow and pay for it. Raises CellError where the state has no such arrow."""
        event = self._machine.events.get(trigger)
        if event is None:
            raise CellError(f"{self.manifest.name} has no move {trigger!r}: it has {', '.join(self._costs)}")
        try:
            event.trigger(self._life)
        except MachineError as error:
            raise CellError(
                f"{self.manifest.name} cannot {trigger} in state {self.state.name}: {error}"
            ) from None
        self.lifeforce_spent += self._costs[trigger]
        self._uncharged += self._costs[trigger]

    async def start(self) -> UnitState:
        """Look for what the cell needs on this machine; IDLE if there is nothing to sense here."""
        return UnitState.READY

    async def sense(self) -> None:
        """Look once, and emit if there is something to say. Called every `sense_every_s` seconds."""

    async def on_call(self, call: Call) -> Mapping[str, JsonValue]:
        """Answer a request whose arguments the manifest's schema accepted.

        Raises RefusedError with a sentence for whoever asked.
        """
        raise NotImplementedError(f"{self.manifest.name} declares verbs but answers none")

    async def emit(
        self,
        confidence: float,
        *,
        semantic: str = "",
        valence: float = 1.0,
        payload: JsonValue = None,
        garden: str = "real",
        observed_at: datetime | None = None,
    ) -> WaveSignal:
        """Publish a wave, and wait until the stream has it. Returns what was said.

        `confidence` is 0…1, `valence` −1…+1, `semantic` a label (default: the unit's name).
        Raises RefusedError if a value is out of its range.
        """
        context = self.context
        self._waves += 1
        wave = WaveSignal.from_fields(
            {
                "id": f"{context.source}/{self._born_ms:x}-{self._waves}",
                "source": context.source,
                "semantic": semantic or self.manifest.name,
                "confidence": confidence,
                "valence": valence,
                "observed_at": observed_at,
                "garden": garden,
                "payload": payload,
                "lifeforce_cost": round(self._uncharged, 6),
            }
        )
        charged, self._uncharged = self._uncharged, 0.0  # moves that are made meanwhile go on the next wave
        subject = context.address.subject(context.env, "wave")
        try:
            await context.surely(lambda: context.bus.append(subject, wave.to_bytes(), message_id=wave.id))
        except BaseException:
            self._uncharged += charged
            raise
        context.last_wave_at = datetime.now(UTC)
        if self._waves_total is not None:
            self._waves_total.inc()
        return wave

    def endpoints(self, context: Context) -> Sequence[Endpoint]:
        """One `.request` endpoint if the manifest declares verbs."""
        if not self.manifest.verbs:
            return ()
        schemas = {name: verb.arguments for name, verb in self.manifest.verbs.items()}
        return (
            Endpoint(
                name="request",
                subject=context.address.subject(context.env, "request"),
                handler=self._on_request,
                copy_to=context.address.subject(context.env, "response"),
                metadata={"schema": json.dumps(schemas, separators=(",", ":"))},
            ),
        )

    async def _on_request(self, message: Message) -> bytes:
        command = message.headers.get(COMMAND_HEADER, "")
        if command in self._answers:
            return self._answers[command]  # a repeated command is not carried out twice
        fields = json_object(message.body)
        verb = self.manifest.matching(fields)
        arguments = {key: value for key, value in fields.items() if key != "verb"}
        answer = await self.on_call(Call(verb=verb, arguments=arguments, command=command))
        body = json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        if command:
            self._answers[command] = body
            if len(self._answers) > _REMEMBERED_COMMANDS:
                self._answers.popitem(last=False)
        return body

    def attach(self, context: Context) -> None:
        """Take the runtime's context; `run` does it, and tests that drive a cell by hand."""
        self._context = context
        self._born_ms = int(datetime.now(UTC).timestamp() * 1000)
        self._waves_total = Counter("nimmerverse_waves", "Waves emitted", registry=context.registry)

    async def run(self, context: Context) -> None:
        """Sense until the process drains. An error costs a pause that doubles, and is told in heartbeats."""
        self.attach(context)
        state = await self.start()
        if state is not context.state:  # else `start` said it, with the reason
            context.become(state)
        if self.sense_every_s is None or state is not UnitState.READY:
            await context.draining.wait()
            return
        failures = 0
        while await context.pause(self.sense_every_s if not failures else _backoff_s(failures)):
            try:
                await self.sense()
            except Exception as error:
                failures += 1
                context.failed("sensing failed", error)
                context.become(UnitState.FAILED, f"{type(error).__name__}: {error}"[:500])
                self._machine.set_state(self.initial, self._life)
            else:
                failures = 0
                context.become(UnitState.READY)


class _Life:
    """What `transitions` hangs its state on."""

    state: Enum


def _backoff_s(failures: int) -> float:
    return float(min(_MAX_BACKOFF_S, 2.0 ** min(failures, 6)))
