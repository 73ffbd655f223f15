"""What a column is, and what its values mean: the one place where that is decided, for files, topics, frames and rows."""

from .column import (
    KINDS,
    MISFIT,
    NAMES,
    SETTLED_AFTER,
    YEAR_1,
    YEAR_10000,
    Column,
    declared,
    fits,
    is_missing,
    kind_of,
    name_of,
)
from .look import ZEROS_IN_FRONT, look
from .missing import DOUBTFUL, MISSING, missing_texts
from .numbers import LARGEST_EXACT, NUMBER_FORMATS, PLAIN, NumberFormat, integer, number, number_format
from .times import array_seconds, duration, is_time, seconds, unit_by_size

__all__ = [
    "DOUBTFUL", "KINDS", "LARGEST_EXACT", "MISFIT", "MISSING", "NAMES", "NUMBER_FORMATS", "PLAIN", "SETTLED_AFTER", "YEAR_1", "YEAR_10000",
    "ZEROS_IN_FRONT", "Column", "NumberFormat", "array_seconds", "declared", "duration", "fits", "integer", "is_missing", "is_time", "kind_of", "look",
    "missing_texts", "name_of", "number", "number_format", "seconds", "unit_by_size",
]  # fmt: skip
