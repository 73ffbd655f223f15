"""What can be replayed by name: shipped flights, processes, what installed packages bring, recorded files."""

from .dataset import Dataset
from .files import dataset_of_file, recorded_files
from .flights import flights_2013, flights_table, shipped_flights
from .processes import process_names, process_stream
from .river_streams import river_names, river_stream

__all__ = [
    "Dataset",
    "dataset_of_file",
    "flights_2013",
    "flights_table",
    "process_names",
    "process_stream",
    "recorded_files",
    "river_names",
    "river_stream",
    "shipped_flights",
]
