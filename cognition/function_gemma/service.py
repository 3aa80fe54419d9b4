"""The process: escalations in, one typed request each out, whatever the model does."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from cognition.backends import embedded
from cognition.commands import Catalogue, sibling_id
from cognition.function_gemma.actions import actions_of
from cognition.function_gemma.rendering import Form, Rendering, form_of, prompt_of
from cognition.function_gemma.sensed import facts_of, recall
from cognition.model import Model, ModelAbsentError, ModelError
from cognition.settings import CognitionSettings
from shared.v1 import manifest
from shared.v1.answers import AnswerLog, answer_each
from shared.v1.bus import Endpoint, Stored
from shared.v1.manifest import Manifest
from shared.v1.messages import CognitiveRequest, Escalation, Rejection
from shared.v1.runtime import Context
from shared.v1.settings import Settings
from shared.v1.states import UnitState
from shared.v1.streams import COGNITION, SENSES, gemma_consumer
from shared.v1.subjects import GEMMA, NYX, Kind

log = logging.getLogger(__name__)
