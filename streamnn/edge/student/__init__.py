"""The student: a small network beside the pool, that reads what a device can measure and is published as integers."""

from .field import ARMS
from .options import StudentOptions
from .student import Publication, Student

__all__ = ["ARMS", "Publication", "Student", "StudentOptions"]
