"""When labels come, in words."""

from __future__ import annotations

from .job import JobSpec


def label_delay(spec: JobSpec) -> str:
    """When labels come, in words.

    Examples
    --------
    >>> from streamnn_jobs.spec.load import make_spec
    >>> label_delay(make_spec({"source": {"path": "a.csv"}, "label": {"delay_events": 48}}))
    'come 48 events later'
    """
    if spec.label.time is not None:
        return f"come at their true time, {spec.label.time}"
    delay = spec.label.delay_events or 0
    return "come at once" if delay <= 1 else f"come {delay} events later"
