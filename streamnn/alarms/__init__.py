"""Drift alarms with a stated false-alarm budget."""

from .drift_monitor import DriftMonitor

__all__ = ["DriftMonitor"]
