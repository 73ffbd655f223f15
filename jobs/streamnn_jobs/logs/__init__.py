"""What a job says on standard error: words for a person, or events with fields for machines."""

from .events import LOG_EVENTS
from .joblog import JobLog
from .log import Log
from .setup import Stopping, logging_all, make_log

__all__ = ["LOG_EVENTS", "JobLog", "Log", "Stopping", "logging_all", "make_log"]
