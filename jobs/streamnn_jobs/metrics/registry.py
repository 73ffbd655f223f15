"""The registry that is scraped: the job's metrics and those of its process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from ..live.job_monitor import JobMonitor
from ..run.control import Control
from .collector import JobCollector


def make_registry(monitor: JobMonitor, control: Control) -> CollectorRegistry:
    """A registry of its own for one job.

    Parameters
    ----------
    monitor : JobMonitor
        An observer of the job.
    control : Control
        That of the job.
    """
    registry = CollectorRegistry(auto_describe=True)
    registry.register(JobCollector(monitor, control))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
