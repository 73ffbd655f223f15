"""One way to open a job, whatever its source is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .spec.job import JobSpec

if TYPE_CHECKING:
    from .kafka.job import KafkaJob
    from .run.runner import Job


def open_job(spec: JobSpec, **options: Any) -> Job | KafkaJob:
    """The job of a spec: a :class:`Job` for a dataset or file, a :class:`KafkaJob` for a topic.

    Parameters
    ----------
    spec : JobSpec
    **options
        ``make``, ``say``, ``progress``, ``observers`` and ``clock`` as of either; a recorded job also takes
        ``source`` and ``sinks``, a Kafka job ``policy``.

    Raises
    ------
    SpecError, SourceError
        When the spec does not fit its source, or the source can't be read.

    Examples
    --------
    ::

        open_job(load_spec("jobs/flights.toml")).run()
        open_job(load_spec("jobs/kafka.toml")).run()
    """
    if spec.source.topic is None:
        from .run.runner import Job

        return Job(spec, **options)
    from .kafka.job import KafkaJob

    return KafkaJob(spec, **options)
