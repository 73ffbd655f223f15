"""Every event that is logged: its level and what it means. Names are kept stable."""

from __future__ import annotations

LOG_LEVELS = ("debug", "info", "warning", "error")
"""From the least to the most severe."""

LOG_EVENTS: dict[str, tuple[str, str]] = {
    "job_started": ("info", "The job begins: version, spec hash, process."),
    "partition_opened": ("info", "A partition is learnt from a position on; `resumed` says from a checkpoint."),
    "partition_closed": ("info", "A partition is given up, or the job ends."),
    "progress": ("info", "How it goes, every `log.every_s` seconds."),
    "checkpoint_written": ("debug", "Outputs are safe and the state is saved."),
    "alarm": ("warning", "A drift alarm, with its cause."),
    "artefact_published": ("info", "The student was published for devices: after how many labels, why, how large."),
    "artefact_refused": ("warning", "What was to be published must not leave, and why."),
    "dead_letter": ("warning", "A record was set aside: where, and the class of the reason; ten a minute at most."),
    "dead_letters_unlisted": ("warning", "How many more there were since the last `progress`."),
    "paused": ("info", "The job was told to pause."),
    "resumed": ("info", "The job was told to go on."),
    "stopping": ("info", "A signal: the batch is finished, everything saved, then the job ends."),
    "stop_timeout": ("error", "That was not done within `run.stop_timeout_s`; the process ends, the last checkpoint holds."),
    "job_ended": ("info", "The job is over: outcome, counts, time."),
    "failed": ("error", "The job is over for an error; exit code and what to do."),
    "note": ("info", "Words for a person, such as a limit that was reached."),
    "library": ("warning", "What a library said, such as the Kafka client."),
}  # fmt: skip
"""Level and meaning of every event of the log, by its name."""
