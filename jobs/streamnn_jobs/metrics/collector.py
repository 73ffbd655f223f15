"""Views to metric families, when somebody scrapes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from streamnn.alarms import CAUSES

from ..live.job_monitor import JobMonitor
from ..live.partition_monitor import PartitionMonitor
from ..live.partition_view import PartitionView
from ..outputs.dead_letters import REASON_WORDS
from ..run.control import Control
from ..version import VERSION
from .edge import edge_rows
from .families import FAMILIES, Family

MOST_EXPERTS = 32
_FAMILY_CLASSES = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}
"""Class of the client library for each kind of metric."""
_CONTROL_NAMES = ("no_change", "majority", "mean", "logistic", "linear")
"""Controls with a label `predictor` of their own, beside the pool."""
_SCORE_METRICS = (
    ("accuracy_ratio", "accuracy"),
    ("mean_log_loss_nats", "log_loss"),
    ("mean_absolute_error", "mae"),
)
"""Metric and the score of a partition that it shows."""
Row = tuple[tuple[str, ...], Any]


class JobCollector(Collector):
    """Metrics of a job as it stood in the latest views.

    Parameters
    ----------
    monitor : JobMonitor
    control : Control
    """

    def __init__(self, monitor: JobMonitor, control: Control):
        self._monitor, self._control = monitor, control

    def describe(self) -> list[Metric]:
        """Names, without asking the job."""
        return [_family(f) for f in FAMILIES]

    def collect(self) -> Iterator[Metric]:
        """All families that have a value."""
        self._monitor.ask()
        found: dict[str, list[Row]] = {f.name: [] for f in FAMILIES}
        found["streamnn_build_info"].append(((VERSION,), 1))
        found["streamnn_ready"].append(((), int(self._monitor.ready)))
        found["streamnn_paused"].append(((), int(self._control.paused)))
        found["streamnn_last_progress_timestamp_seconds"].append(((), self._monitor.beat_at))
        for part in self._monitor.open_partitions():
            view = part.view
            if self._monitor.plan is not None:
                limit = self._monitor.plan.spec.limits.pending
                found["streamnn_max_pending_events"].append(((view.partition,), limit))
            for name, labels, value in (*_stream(part, view), *_learner(view), *edge_rows(part)):
                found[f"streamnn_{name}"].append(((view.partition, *labels), value))
        for f in FAMILIES:
            if found[f.name]:
                family = _family(f)
                for labels, value in found[f.name]:
                    if f.kind == "histogram":
                        family.add_metric(labels, *_buckets_and_sum(value))
                    else:
                        family.add_metric(labels, value)
                yield family


def _buckets_and_sum(histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    """What a histogram without labels holds, for a family with them; that it tells when it was made is left out."""
    samples = [sample for metric in histogram.collect() for sample in metric.samples]
    buckets = [(s.labels["le"], s.value) for s in samples if s.name.endswith("_bucket")]
    return buckets, next(s.value for s in samples if s.name.endswith("_sum"))


def _family(f: Family) -> Any:
    return _FAMILY_CLASSES[f.kind](f.name.removesuffix("_total"), f.help, labels=f.labels)


def _stream(part: PartitionMonitor, v: PartitionView) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    now, start = v.counters, v.start

    def since(name: str) -> int:
        return int(getattr(now, name) - getattr(start, name))

    yield "stream_info", (v.source, v.task), 1
    yield "records_total", (), since("records")
    yield "events_total", (), since("predicted")
    yield "labels_total", (), since("labels")
    yield "labels_late_total", (), since("late")
    yield "labels_duplicate_total", (), since("duplicates")
    yield "labels_unmatched_total", (), since("unmatched")
    yield "label_records_total", (), since("label_records")
    yield "events_settled_total", ("learnt",), since("learnt")
    yield "events_settled_total", ("expired",), since("expired") - since("evicted")
    yield "events_settled_total", ("evicted",), since("evicted")
    yield "events_settled_total", ("unlabelled",), since("unlabelled")
    for reason, count in _with_zeros(REASON_WORDS, part.dead):
        yield "dead_letters_total", (reason,), count
    yield "missing_values_total", (), sum(v.missing.values()) - sum(v.start_missing.values())
    yield "pending_events", (), v.pending
    yield "waiting_labels", (), v.waiting
    if v.lag is not None:
        yield "lag_records", (), v.lag
    yield "position", (), v.position
    yield "batch_duration_seconds", (), part.batches
    yield "commit_duration_seconds", (), part.commits
    yield "checkpoints_total", (), part.checkpoints
    if part.checkpoint is not None:
        yield "checkpoint_timestamp_seconds", (), part.checkpoint[1]
    if part.state_bytes is not None:
        yield "state_bytes", (), part.state_bytes
    # an alarm on a scalar of one's own brings a cause of its own
    for cause, count in _with_zeros(CAUSES, part.alarms):
        yield "alarms_total", (cause,), count


def _with_zeros(known: Sequence[str], found: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Known ones from the start on: the first increase of a series that appears with it is never seen."""
    yield from ((dict.fromkeys(known, 0)) | dict(found)).items()


def _learner(v: PartitionView) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    if v.task == "classification":
        yield "log_loss_nats_total", (), _summed(v, "log_loss")
        yield "correct_predictions_total", (), round(_summed(v, "accuracy"))
    else:
        yield "absolute_error_total", (), _summed(v, "mae")
        yield "squared_error_total", (), _summed(v, "rmse", square=True)
    for name, score in _SCORE_METRICS:
        for predictor in ("pool", *_CONTROL_NAMES):
            value = _score(v.scores, predictor, score)
            if math.isfinite(value):
                yield name, (predictor,), value
    for name, key in (("regret", "regret"), ("regret_bound", "regret_bound")):
        value = _number(v.scores.get(key))
        if not math.isnan(value):
            yield name, (), value
    experts = [str(e) for e in v.history.get("experts", ())][:MOST_EXPERTS]
    if experts and len(v.history.get("labelled", ())):
        labelled = float(v.history["labelled"][-1])
        for i, expert in enumerate(experts):
            yield "expert_weight_ratio", (expert,), float(v.history["weights"][-1][i])
            yield "expert_mean_loss", (expert,), float(v.history["expert_loss"][-1][i]) / max(labelled, 1.0)
    for network in v.networks:
        for name, key in (("lipschitz_bound", "certified"), ("attacked_slope", "attacked")):
            if network.get(key) is not None:
                yield name, (str(network["name"]),), float(network[key])
    lately = v.lately()
    if lately is not None:
        yield "surprise_nats", (), lately[0]
        yield "entropy_nats", (), lately[1]
    if v.classes is not None:
        yield "classes", (), v.classes
    yield "columns", (), v.columns


def _summed(v: PartitionView, score: str, square: bool = False) -> float:
    """A mean over all labels as a sum over those since the start."""

    def total(scores: Mapping[str, Any]) -> float:
        value = _number(scores.get(score))
        return (value * value if square else value) * _number(scores.get("labelled", 0))

    now, start = total(v.scores), total(v.start_scores)
    return max(0.0, (now if math.isfinite(now) else 0.0) - (start if math.isfinite(start) else 0.0))


def _score(scores: Mapping[str, Any], predictor: str, score: str) -> float:
    if predictor == "pool":
        return _number(scores.get(score))
    found = scores.get(predictor)
    if isinstance(found, Mapping):
        return _number(found.get(score))
    return _number(found) if score in ("accuracy", "mae") and score in scores else math.nan


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
