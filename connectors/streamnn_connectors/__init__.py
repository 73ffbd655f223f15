"""streamnn_connectors moves events: sources, sinks and their contracts. It knows nothing of learning."""

from .base import BadRecord, Batch, Partition, Resume, Sink, Source, SourceInfo
from .checks import check_sink, check_source
from .csv import CsvSource
from .csv_sink import CsvSink
from .jsonl import JsonLinesSource
from .jsonl_sink import JsonLinesSink
from .memory import MemorySink, MemorySource
from .opening import open_sink, open_source
from .parquet import ParquetSource
from .parquet_sink import ParquetSink
from .parts import PartsSource
from .scripted import CRASH, IDLE, Clock, Crash, ScriptedSource

__all__ = [
    "CRASH",
    "IDLE",
    "BadRecord",
    "Batch",
    "Clock",
    "Crash",
    "CsvSink",
    "CsvSource",
    "JsonLinesSink",
    "JsonLinesSource",
    "MemorySink",
    "MemorySource",
    "ParquetSink",
    "ParquetSource",
    "Partition",
    "PartsSource",
    "Resume",
    "ScriptedSource",
    "Sink",
    "Source",
    "SourceInfo",
    "check_sink",
    "check_source",
    "open_sink",
    "open_source",
]
