"""What the cells of a column mean."""

from .times import array_seconds, duration, is_time, seconds, unit_by_size

__all__ = ["array_seconds", "duration", "is_time", "seconds", "unit_by_size"]
