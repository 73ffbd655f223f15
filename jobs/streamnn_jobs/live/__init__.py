"""A running job, looked at: views made between two batches, and the live page drawn from them."""

from .job_monitor import JobMonitor
from .partition_view import PartitionView

__all__ = ["JobMonitor", "PartitionView"]
