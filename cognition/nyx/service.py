"""The process: requests in, one response each out, and the commands that follow."""

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from cognition.backends import OpenModel, any_model
from cognition.commands import OBSERVE, Catalogue, sibling_id
from cognition.model import Model, ModelAbsentError, ModelError
from cognition.nyx.commanding import Commander
from cognition.nyx.deciding import Decision, Options, eligible, prompt_of
from cognition.process import Clock, heartbeat_of, loaded, reject, settings_of, utc_now
from cognition.settings import CognitionSettings
from shared.v1 import manifest
from shared.v1.answers import AnswerLog, answer_each
from shared.v1.bus import Endpoint, Stored
from shared.v1.errors import RefusedError
from shared.v1.manifest import Manifest
from shared.v1.messages import Action, CognitiveRequest, CognitiveResponse
from shared.v1.runtime import Context
from shared.v1.settings import Settings
from shared.v1.states import Decider
from shared.v1.streams import COGNITION, nyx_consumer
from shared.v1.subjects import NYX, Kind

log = logging.getLogger(__name__)

_MAX_ANSWER = 4000


class Nyx:
    """Young Nyx as a unit."""

    settings_type: type[Settings] = CognitionSettings

    def __init__(
        self,
        units: Iterable[Manifest] | None = None,
        *,
        clock: Clock = utc_now,
        open_model: OpenModel = any_model,
    ) -> None:
        """`units` are the manifests of what may be commanded; default: all that are installed."""
        self.manifest = manifest.beside(__file__)
        self._catalogue = Catalogue.of(manifest.installed() if units is None else units)
        self._clock = clock
        self._open_model = open_model

    def endpoints(self, context: Context) -> Sequence[Endpoint]:
        """None: she works from a stream."""
        return ()

    async def run(self, context: Context) -> None:
        """Answer requests until the process drains, from the moment the model is loaded or known absent."""
        settings = settings_of(context)
        opening = self._open_model(settings.nyx_model, settings, heartbeat_of(context))
        async with loaded(context, opening) as model:
            if model is None:
                return

            async def think(question: Stored) -> bytes:
                return (await self._response(context, question, model)).to_bytes()

            answers = AnswerLog(context.bus, COGNITION, NYX.subject(context.env, Kind.RESPONSE.value))
            commander = Commander(context, self._catalogue, self._clock)
            await answer_each(context, nyx_consumer(context.env), answers, think, commander.follow)

    async def _response(self, context: Context, question: Stored, model: Model) -> CognitiveResponse:
        request = CognitiveRequest.from_bytes(question.body)
        actions, faults = eligible(request, self._catalogue)
        if faults:
            await reject(context, about=request.id, reason="; ".join(faults))
        if not actions:
            raise RefusedError(f"nothing that is offered may be chosen: {'; '.join(faults)}", code=422)
        started = self._clock()
        decision, decided_by = await self._decide(context, request, Options(actions=tuple(actions)), model)
        command = decision.action.command
        name = sibling_id("rs", request.id)
        if command is not None:
            command = command.model_copy(
                update={"id": command.id or sibling_id("cm", request.id), "about": name}
            )
        response = CognitiveResponse(
            id=name,
            request=request.id,
            transition=request.transition,
            region=request.region,
            garden=request.garden,
            decision=decision.action.id,
            answer=_sentence(decision.action)[:_MAX_ANSWER],
            confidence=decision.confidence,
            commands=() if command is None else (command,),
            decided_by=decided_by,
            model=model.name[:256] if decided_by is Decider.MODEL else "",
            lifeforce_spent=float(_milliseconds(started, self._clock())),
            duration_ms=max(0, int(self._clock().timestamp() * 1000) - question.at_ms),
        )
        log.info(
            "decision",
            extra={
                "action": "decision",
                "id": response.id,
                "decision": response.decision,
                "confidence": response.confidence,
                "decided_by": decided_by.value,
            },
        )
        return response

    async def _decide(
        self, context: Context, request: CognitiveRequest, options: Options, model: Model
    ) -> tuple[Decision, Decider]:
        settings = settings_of(context)
        left_s = (request.deadline - self._clock()).total_seconds()
        if left_s <= 0:
            observed = options.only(OBSERVE)
            if observed is None:
                raise RefusedError(
                    f"the deadline {request.deadline} has passed and {OBSERVE!r} is not offered: "
                    "send the request again with a later deadline",
                    code=408,
                )
            return observed, Decider.RULES
        timeout_s = min(settings.nyx_deadline_s, left_s, request.budget / 1000)
        if len(options.actions) == 1 or timeout_s <= 0:
            return options.by_rules(), Decider.RULES
        try:
            text = await model.complete(prompt_of(request), options.schema, timeout_s=timeout_s)
            return options.weighed_with(options.parse(text), lift=settings.model_lift), Decider.MODEL
        except ModelAbsentError:
            pass
        except ModelError as error:
            context.failed("the model was of no use", error)
            await reject(context, about=request.id, reason=error.reason, said=error.said, model=model.name)
        return options.by_rules(), Decider.RULES


def _sentence(action: Action) -> str:
    if action.command is None:
        return f"{action.id}: nothing is commanded"
    arguments = json.dumps(action.command.arguments, ensure_ascii=False)
    return f"{action.command.target} shall {action.command.verb} {arguments}"


def _milliseconds(begin: datetime, end: datetime) -> int:
    return max(0, round((end - begin).total_seconds() * 1000))
