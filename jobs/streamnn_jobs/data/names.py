"""The catalogue: what can be replayed by name."""

from __future__ import annotations

import contextlib
import difflib
from pathlib import Path

from streamnn.errors import MissingPackage, SourceError, SpecError

from .dataset import Dataset
from .files import FOLDER, SUFFIXES, dataset_of_file, recorded_files
from .flights import PACKAGE, flights_2013, shipped_flights
from .processes import PROCESS_PREFIX, process_names, process_stream
from .river_streams import RIVER_PREFIX, river_names, river_stream

__all__ = ["Dataset", "datasets", "is_path", "resolve"]


def datasets() -> list[Dataset]:
    """Everything that can be replayed by name here, shipped first.

    Recorded files that can't be replayed are left out; asking for one with :func:`resolve` says why.

    Examples
    --------
    >>> [d.name for d in datasets()][0]
    'flights'
    """
    found = [shipped_flights()]
    with contextlib.suppress(MissingPackage):
        found.append(_year())
    found += [process_stream(name) for name in process_names()]
    found += [river_stream(name) for name in river_names()]
    taken = {d.name for d in found}
    for name, path in recorded_files().items():
        if name not in taken:
            try:
                found.append(dataset_of_file(path, name))
            except SourceError:
                continue
    return found


def resolve(name: str) -> Dataset:
    """The dataset of a name, or of the path of a recorded file.

    Parameters
    ----------
    name : str
        A name listed by :func:`datasets`, or the path of a Parquet, CSV or JSON-lines file.

    Raises
    ------
    SpecError
        When nothing has that name; names the nearest ones.
    MissingPackage
        When the dataset comes with a package that isn't installed.
    SourceError
        When a recorded file of that name can't be replayed.

    Examples
    --------
    >>> flights = resolve("flights")
    >>> flights.records, flights.label_time, flights.expire_after_s
    (80789, 't_label_min', 172800)
    >>> resolve("flihgts")
    Traceback (most recent call last):
        ...
    streamnn.errors.SpecError: dataset 'flihgts' is not known; near: flights... `streamnn datasets` lists all names
    """
    if name == "flights":
        return shipped_flights()
    if name == "flights-2013":
        return _year()
    if name in process_names():
        return process_stream(name)
    if name.startswith(RIVER_PREFIX):
        try:
            return river_stream(name)
        except KeyError:
            raise _unknown(name) from None
    if Path(name).suffix in SUFFIXES:
        if not Path(name).is_file():
            raise SpecError(f"dataset {name!r}: there is no such file")
        return dataset_of_file(name)
    files = recorded_files()
    if name in files:
        return dataset_of_file(files[name], name)
    raise _unknown(name)


def is_path(target: str) -> bool:
    """Whether a target is a path: as it is written, or because there is such a file or folder and no dataset of that name."""
    from streamnn_connectors.opening import says_file

    said = says_file(target)
    if said or not Path(target).exists():
        return said
    try:
        resolve(target)
    except SpecError:
        return True
    return False


def _year() -> Dataset:
    try:
        return flights_2013()
    except MissingPackage:
        path = recorded_files().get(PACKAGE)
        if path is None:
            raise
        return dataset_of_file(path, "flights-2013")


def _unknown(name: str) -> SpecError:
    known = ["flights", "flights-2013", *process_names(), *river_names(), *recorded_files()]
    # people type the bare name of a process or river stream, and any case
    bare = {k.removeprefix(PROCESS_PREFIX).removeprefix(RIVER_PREFIX).lower(): k for k in known}
    lower = {k.lower(): k for k in known} | bare
    near = list(dict.fromkeys(lower[m] for m in difflib.get_close_matches(name.lower(), lower, n=4)))
    hint = f"near: {', '.join(near)}; " if near else f"recorded files are looked for in ${FOLDER}; "
    return SpecError(f"dataset {name!r} is not known; {hint}`streamnn datasets` lists all names")
