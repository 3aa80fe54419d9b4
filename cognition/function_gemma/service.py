"""The process: escalations in, one typed request each out, whatever the model does."""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from cognition.backends import OpenModel, embedded
from cognition.commands import Catalogue, sibling_id
from cognition.function_gemma.actions import actions_of
from cognition.function_gemma.rendering import Form, Rendering, form_of, prompt_of
from cognition.function_gemma.sensed import facts_of, recall
from cognition.model import Model, ModelAbsentError, ModelError
from cognition.process import Clock, heartbeat_of, loaded, reject, settings_of, utc_now
from cognition.settings import CognitionSettings
from shared.v1 import manifest
from shared.v1.answers import AnswerLog, answer_each
from shared.v1.bus import Endpoint, Stored
from shared.v1.manifest import Manifest
from shared.v1.messages import CognitiveRequest, Escalation
from shared.v1.runtime import Context
from shared.v1.settings import Settings
from shared.v1.streams import COGNITION, gemma_consumer
from shared.v1.subjects import NYX, Kind

log = logging.getLogger(__name__)


class Gemma:
    """Function Gemma as a unit."""

    settings_type: type[Settings] = CognitionSettings

    def __init__(
        self,
        units: Iterable[Manifest] | None = None,
        *,
        clock: Clock = utc_now,
        open_model: OpenModel = embedded,
    ) -> None:
        """`units` are the manifests of what may be commanded; default: all that are installed."""
        self.manifest = manifest.beside(__file__)
        self._catalogue = Catalogue.of(manifest.installed() if units is None else units)
        self._clock = clock
        self._open_model = open_model

    def endpoints(self, context: Context) -> Sequence[Endpoint]:
        """None: it works from a stream."""
        return ()

    async def run(self, context: Context) -> None:
        """Answer escalations until the process drains, from the moment the model is loaded or known absent."""
        settings = settings_of(context)
        opening = self._open_model(settings.gemma_model, settings, heartbeat_of(context))
        async with loaded(context, opening) as model:
            if model is None:
                return

            async def think(question: Stored) -> bytes:
                request = await self._request(context, Escalation.from_bytes(question.body), model)
                return request.to_bytes()

            answers = AnswerLog(context.bus, COGNITION, NYX.subject(context.env, Kind.REQUEST.value))
            await answer_each(context, gemma_consumer(context.env), answers, think)

    async def _request(self, context: Context, escalation: Escalation, model: Model) -> CognitiveRequest:
        settings = settings_of(context)
        sensed = await recall(context, escalation)
        form = form_of(escalation, actions_of(escalation, sensed, self._catalogue))
        rendering = await _render(context, escalation, form, model)
        request = CognitiveRequest(
            id=sibling_id("rq", escalation.id),
            escalation=escalation.id,
            transition=escalation.transition,
            event=rendering.event,
            region=escalation.region,
            garden=escalation.garden,
            confidence=escalation.confidence,
            facts=facts_of(sensed),
            actions=form.actions,
            suggested=rendering.suggested,
            rendered_by=rendering.rendered_by,
            budget=settings.thought_budget,
            deadline=self._clock() + timedelta(seconds=settings.nyx_budget_s),
            evidence=tuple(wave.id or f"SENSES:{wave.seq}" for wave in escalation.evidence),
        )
        log.info(
            "request",
            extra={
                "action": "request",
                "id": request.id,
                "event": request.event,
                "suggested": request.suggested,
                "rendered_by": request.rendered_by.value,
            },
        )
        return request


async def _render(context: Context, escalation: Escalation, form: Form, model: Model) -> Rendering:
    """What the model makes of the form; the rules, and a rejection, if it was late or wrong."""
    settings = settings_of(context)
    try:
        text = await model.complete(prompt_of(escalation), form.schema, timeout_s=settings.gemma_deadline_s)
        return form.weighed_with(form.parse(text), lift=settings.model_lift)
    except ModelAbsentError:
        return form.by_rules()
    except ModelError as error:
        context.failed("the model was of no use", error)
        await reject(context, about=escalation.id, reason=error.reason, said=error.said, model=model.name)
        return form.by_rules()
