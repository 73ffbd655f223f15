"""Recorded files and the roles of their columns."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamnn.errors import SourceError

from .dataset import NEVER_FEATURES, Dataset
from .flights import EXPIRE_AFTER_S

if TYPE_CHECKING:
    from streamnn_connectors import Source

PARQUET_SUFFIXES = (".parquet", ".pq")
"""Of Parquet files."""
SUFFIXES = (*PARQUET_SUFFIXES, ".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json")
"""Those of :data:`streamnn_connectors.opening.FORMATS`, which is not imported: completing a name must not load pyarrow."""
FOLDER = "STREAMNN_DATA"
"""Environment variable that names a folder of recorded files."""

_TASK_OF_KIND = {"cls": "classification", "reg": "regression"}
"""Task by the `kind` that a file's metadata gives."""


def recorded_files() -> dict[str, Path]:
    """Files in the folder named by ``$STREAMNN_DATA``, by their names without the suffix."""
    folder = os.environ.get(FOLDER)
    if not folder or not Path(folder).is_dir():
        return {}
    found: dict[str, Path] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix in SUFFIXES and path.is_file():
            found.setdefault(path.stem, path)
    return found


def dataset_of_file(path: str | Path, name: str | None = None) -> Dataset:
    """What a recorded file says of itself, without reading its records.

    Parameters
    ----------
    path : path
        A Parquet, CSV or JSON-lines file.
    name : str, optional
        Name of the dataset, by default the file's without its suffix.

    Raises
    ------
    SourceError
        When the file can't be read.
    """
    path = Path(path)
    try:
        columns, records, about, task = _parquet(path) if path.suffix in PARQUET_SUFFIXES else _text(path)
    except (OSError, ValueError) as e:  # Arrow's errors are among these
        raise SourceError(f"{path}: can't be read: {e}") from e

    def opener() -> Source:
        from streamnn_connectors import open_source

        return open_source(str(path))

    late = {"t_event_min", "t_label_min"} <= set(columns)
    return Dataset(
        name=name or path.stem,
        origin="file",
        task=task,
        records=records,
        label="y" if "y" in columns else None,
        opener=opener,
        event_time="t_event_min" if late else None,
        label_time="t_label_min" if late else None,
        time_unit="min" if late else None,
        missing_label=-1 if late else None,
        expire_after_s=EXPIRE_AFTER_S if late else None,
        ignore=tuple(c for c in columns if c in NEVER_FEATURES and c != "y"),
        note=_note(about),
    )


def _note(about: dict[str, Any]) -> str:
    """What a person is told of a file, by its metadata."""
    shape = about.get("shape") if about.get("kind") == "image" else None
    size = f"images of {'x'.join(map(str, shape))}: a column a pixel" if isinstance(shape, list) else ""
    return "; ".join(filter(None, [size, str(about.get("note", ""))]))


def _parquet(path: Path) -> tuple[list[str], int, dict[str, Any], str | None]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        schema, records = file.schema_arrow, file.metadata.num_rows
    about = json.loads((schema.metadata or {}).get(b"streamnn", b"{}"))
    if not isinstance(about, dict):
        about = {}
    task = _TASK_OF_KIND.get(str(about.get("kind")))
    if task is None and "y" in schema.names:
        task = "regression" if pa.types.is_floating(schema.field("y").type) else "classification"
    return schema.names, records, about, task


def _text(path: Path) -> tuple[list[str], None, dict[str, Any], None]:
    """Columns of the header, or of the first JSON record; a file of text says no more of itself."""
    from streamnn_connectors import open_source

    partition = open_source(path).open("0")
    try:
        batch = partition.next_batch(1)
    finally:
        partition.close()
    if batch is not None and batch.bad:
        raise SourceError(f"{path}: can't be read: {batch.bad[0].reason}")
    return [] if batch is None else list(batch.rows.schema.names), None, {}, None
