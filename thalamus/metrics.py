"""What Prometheus sees of the thalamus. Labels are bounded: kinds, causes, and no names that anybody chose."""

import time

from prometheus_client import Counter, Gauge, Histogram

from shared.v1.runtime import Context
from shared.v1.subjects import Kind
from thalamus.decisions import Decision
from thalamus.fold import State

_KINDS = (Kind.WAVE, Kind.OUTCOME, Kind.RULES, Kind.TICK)  # of inputs
_TIMED = 16  # observing a time costs a tenth of folding an input


class Metrics:
    """Counters and gauges of one process."""

    def __init__(self, context: Context) -> None:
        registry = context.registry
        self.refused = Counter("nimmerverse_refused", "Inputs sent to DEAD", registry=registry)
        self.lag = Gauge("nimmerverse_lag_inputs", "Inputs that wait to be folded", registry=registry)
        self.snapshot_age = Gauge(
            "nimmerverse_snapshot_age_seconds", "Since the last snapshot", registry=registry
        )
        self.leads = Gauge("nimmerverse_leads", "1 if this process writes decisions", registry=registry)
        inputs = Counter("nimmerverse_inputs", "Inputs folded", ["kind"], registry=registry)
        self._inputs = {kind: inputs.labels(kind.value) for kind in _KINDS}
        self._new = dict.fromkeys(_KINDS, 0)  # inputs since the last look
        self._decisions = Counter(
            "nimmerverse_decisions", "Decisions made", ["kind", "cause"], registry=registry
        )
        self._position = Gauge("nimmerverse_input_seq", "Newest input folded", registry=registry)
        self._misfits = Gauge(
            "nimmerverse_misfit_waves", "Waves out of their garden's time", ["why"], registry=registry
        )
        self._gates = Gauge("nimmerverse_gates", "Gates", registry=registry)
        self._fold = Histogram(
            "nimmerverse_fold_seconds",
            f"Time to fold one input, measured at every {_TIMED}th",
            registry=registry,
            buckets=(1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2, 1e-1),
        )

    def folded(self, kind: Kind, seq: int, started: float, decisions: list[Decision]) -> None:
        """An input was folded; `started` is its `time.perf_counter()`."""
        self._new[kind] += 1
        if seq % _TIMED == 0:
            self._fold.observe(time.perf_counter() - started)
        for made in decisions:
            cause = made.body.cause.value if made.kind is Kind.TRANSITION else ""
            self._decisions.labels(made.kind.value, cause).inc()

    def look_at(self, state: State) -> None:
        """Take over what was counted since the last look, and what the state counts itself."""
        for kind, count in self._new.items():
            self._inputs[kind].inc(count)
            self._new[kind] = 0
        gardens = state.gardens.values()
        self._position.set(state.seq)
        self._gates.set(len(state.gates))
        self._misfits.labels("late").set(sum(garden.late for garden in gardens))
        self._misfits.labels("future").set(sum(garden.future for garden in gardens))
        self._misfits.labels("duplicate").set(sum(garden.duplicates for garden in gardens))
