"""Every metric: name, kind, labels and what it says. Names are kept stable; docs/operations.md lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True, frozen=True)
class Family:
    """One metric.

    Parameters
    ----------
    name : str
        As it is scraped, with the unit and, for counters, ``_total`` at its end.
    kind : str
        ``"counter"``, ``"gauge"`` or ``"histogram"``.
    help : str
    labels : tuple of str
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ("partition",)


def _c(name: str, help: str, *labels: str) -> Family:
    return Family(f"streamnn_{name}_total", "counter", help, ("partition", *labels))


def _g(name: str, help: str, *labels: str) -> Family:
    return Family(f"streamnn_{name}", "gauge", help, ("partition", *labels))


FAMILIES: tuple[Family, ...] = (
    # the job
    Family("streamnn_build_info", "gauge", "Always 1; the version that runs.", ("version",)),
    Family("streamnn_ready", "gauge", "1 when the job learns what comes, else 0.", ()),
    Family("streamnn_paused", "gauge", "1 while the job is paused by hand, else 0.", ()),
    Family("streamnn_last_progress_timestamp_seconds", "gauge",
           "Unix time at which the job last finished a batch or looked for one.", ()),
    _g("stream_info", "Always 1; what the partition reads and the task it learns.", "source", "task"),
    # the stream
    _c("records", "Records read since this process started, good and bad."),
    _c("events", "Records predicted since this process started."),
    _c("labels", "Labels that came since this process started."),
    _c("labels_late", "Labels that came after their event had expired."),
    _c("labels_duplicate", "Labels of an event that had one already."),
    _c("labels_unmatched", "Labels given up before their event came."),
    _c("label_records", "Records read from a topic of labels, good and bad."),
    _c("events_settled", "Events that left the pending ones; outcome is learnt, expired, evicted or unlabelled.",
       "outcome"),
    _c("dead_letters", "Records set aside, by the class of the reason.", "reason"),
    _c("missing_values", "Values that were missing or not finite."),
    _g("pending_events", "Events whose label has not come yet."),
    _g("max_pending_events", "Most events that may wait for their label: limits.pending."),
    _g("waiting_labels", "Labels that are known to come later."),
    _g("lag_records", "Records that are there and not read yet."),
    _g("position", "Position in the source of the next record to be read."),
    Family("streamnn_batch_duration_seconds", "histogram",
           "Time to read, predict, learn and hand over a batch."),
    Family("streamnn_commit_duration_seconds", "histogram",
           "Time to make outputs safe and to write the checkpoint."),
    _c("checkpoints", "Checkpoints written since this process started."),
    _g("checkpoint_timestamp_seconds", "Unix time of the last checkpoint that this process wrote."),
    _g("state_bytes", "Size of the last checkpoint."),
    # the learner
    _c("log_loss_nats", "Sum of the log loss over labels learnt (classification)."),
    _c("correct_predictions", "Labels learnt that had been predicted right (classification)."),
    _c("absolute_error", "Sum of the absolute error over labels learnt (regression)."),
    _c("squared_error", "Sum of the squared error over labels learnt (regression)."),
    _g("accuracy_ratio", "Share of labels predicted right since the beginning of the stream.", "predictor"),
    _g("mean_log_loss_nats", "Mean log loss since the beginning of the stream.", "predictor"),
    _g("mean_absolute_error", "Mean absolute error since the beginning of the stream.", "predictor"),
    _g("regret", "Loss of the pool beyond that of its best expert, in units of the loss."),
    _g("regret_bound", "Regret that is proven never to be passed; +Inf where none is proven."),
    _g("expert_weight_ratio", "Share of the prediction that an expert has; at most 32 experts.", "expert"),
    _g("expert_mean_loss", "Mean loss of an expert since the beginning of the stream.", "expert"),
    _g("lipschitz_bound", "Proven upper bound of a network's slope.", "network"),
    _g("attacked_slope", "Steepest slope of a network that an attack found.", "network"),
    _g("surprise_nats", "Mean surprise of the events of the last minute."),
    _g("entropy_nats", "Mean entropy of the predictions of the last minute."),
    _c("alarms", "Drift alarms since this process started.", "cause"),
    # the student beside it, where there is one
    _c("edge_publications", "Artefacts since this process started; outcome is published or refused.", "outcome"),
    _g("edge_accuracy_ratio", "Share predicted right after publications: artefact, float, live, pool, majority.",
       "arm"),
    _g("edge_mean_log_loss_nats", "Mean log loss on events after publications.", "arm"),
    _g("edge_mean_absolute_error", "Mean absolute error on events after publications.", "arm"),
    _g("edge_artefact_bytes", "Size of the newest artefact that is not refused."),
    _g("edge_artefact_labels", "Labels learnt when the newest artefact was published."),
    _g("edge_flip_ratio", "Share of the binary weights that changed their sign at the last publication."),
    _g("classes", "Classes known."),
    _g("columns", "Input columns known."),
)  # fmt: skip
"""Counters count from the start of the process: after a crash the checkpoint stands before what was
already counted, and a count since the beginning of the stream would go back and look like a burst."""
