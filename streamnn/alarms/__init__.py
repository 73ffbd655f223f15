"""Drift alarms with a stated false-alarm budget."""

from ._columns import gather
from .drift_monitor import DriftMonitor
from .feature_watch import FeatureWatch
from .other_detector import OtherDetector

__all__ = ["DriftMonitor", "FeatureWatch", "OtherDetector", "gather"]
