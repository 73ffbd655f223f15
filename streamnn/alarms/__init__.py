"""Drift alarms with a stated false-alarm budget."""

from ._features import gather
from .drift_monitor import DriftMonitor
from .feature_watch import FeatureWatch

__all__ = ["DriftMonitor", "FeatureWatch", "gather"]
