"""What follows from a decision: the command is sent, and reality's answer becomes an outcome.

It may run again for the same decision, after a crash in its middle. That doubles nothing: a unit answers
a command of a known id from memory, and the thalamus counts one outcome per opening.
"""

import json
import logging

from cognition.commands import Catalogue, sibling_id
from cognition.process import Clock, reject, settings_of
from shared.v1 import subjects
from shared.v1.bus import Stored
from shared.v1.cell import COMMAND_HEADER
from shared.v1.errors import RefusedError, TryAgainError
from shared.v1.messages import CognitiveRequest, CognitiveResponse, Command, VerificationOutcome
from shared.v1.runtime import Context
from shared.v1.states import Outcome
from shared.v1.streams import SENSES

log = logging.getLogger(__name__)

_PAUSE_S = 0.5  # after the first attempt; each further one waits that much longer


class Commander:
    """Sends the commands of decisions, and tells what came of them."""

    def __init__(self, context: Context, catalogue: Catalogue, clock: Clock) -> None:
        self._context = context
        self._catalogue = catalogue
        self._clock = clock

    async def follow(self, question: Stored, answer: Stored) -> None:
        """Carry out the response `answer` to the request `question`."""
        request = CognitiveRequest.from_bytes(question.body)
        response = CognitiveResponse.from_bytes(answer.body)
        for command in response.commands:
            fault = self._catalogue.fault(command, response.garden)
            if fault is None and self._clock() > request.deadline:
                # Nobody asked reality, so there is no outcome to tell.
                fault = f"{command.target} {command.verb}: not sent, the deadline {request.deadline} had passed"
            if fault is not None:
                await reject(self._context, about=response.id, reason=fault)
                continue
            outcome, detail = await self._carry_out(command)
            await self._tell(response, outcome, detail)

    async def _carry_out(self, command: Command) -> tuple[Outcome, str]:
        """Ask the unit until it answers, refuses, or has been silent often enough."""
        context, settings = self._context, settings_of(self._context)
        subject = f"{context.env}.{command.target}.request"
        body = json.dumps({**command.arguments, "verb": command.verb}, ensure_ascii=False).encode()
        for attempt in range(1, settings.command_attempts + 1):
            try:
                answer = await context.bus.request(
                    subject, body, timeout_s=settings.command_timeout_s, headers={COMMAND_HEADER: command.id}
                )
            except RefusedError as refusal:
                return Outcome.FAILED, f"{command.target} refused {command.verb}: {refusal.reason}"
            except TryAgainError as error:
                silence = str(error)
                log.info("no answer", extra={"action": "retry", "command": command.id, "reason": silence})
                # While the server is away, it is not the unit that is silent.
                await context.surely(lambda: context.bus.last_seq(SENSES))
                if not await context.pause(_PAUSE_S * attempt):
                    raise
            else:
                said = answer.body.decode(errors="replace")
                return Outcome.CONFIRMED, f"{command.target} answered {said}"
        return Outcome.FAILED, f"{command.target} was asked {settings.command_attempts} times: {silence}"

    async def _tell(self, response: CognitiveResponse, outcome: Outcome, detail: str) -> None:
        log.info(
            "outcome",
            extra={"action": "outcome", "about": response.id, "outcome": outcome.value, "detail": detail},
        )
        if not response.transition:
            return  # a request typed by hand, about no opening
        context = self._context
        message = VerificationOutcome(
            outcome=outcome,
            about=response.id,
            opening=response.transition,
            source=context.source,
            garden=response.garden,
            detail=detail[:2000],
        )
        subject = subjects.outcome(context.env, response.region)
        name = sibling_id("oc", response.id)
        await context.surely(lambda: context.bus.append(subject, message.to_bytes(), message_id=name))
