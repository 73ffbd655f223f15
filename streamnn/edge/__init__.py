"""To the edge: what was learnt on a stream leaves as integers, and is scored where it goes."""

from .artefact import Artefact, Surprise, Target
from .device import Device
from .input_stage import InputStage
from .modules import Module, Output, Spline, Threshold
from .sensors import Sensor
from .student import Publication, Student, StudentOptions

__all__ = [
    "Artefact",
    "Device",
    "InputStage",
    "Module",
    "Output",
    "Publication",
    "Sensor",
    "Spline",
    "Student",
    "StudentOptions",
    "Surprise",
    "Target",
    "Threshold",
]
