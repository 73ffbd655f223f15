"""What can be replayed by name: shipped flights, what installed packages bring, recorded files."""

from .dataset import Dataset
from .files import dataset_of_file, recorded_files
from .flights import flights_2013, flights_table, shipped_flights
from .river_streams import river_names, river_stream

__all__ = [
    "Dataset",
    "dataset_of_file",
    "flights_2013",
    "flights_table",
    "recorded_files",
    "river_names",
    "river_stream",
    "shipped_flights",
]
