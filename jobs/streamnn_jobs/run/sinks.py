"""The output files of a job."""

from __future__ import annotations

from pathlib import Path

from streamnn.errors import SinkError, SpecError

from ..spec.job import JobSpec
from .writer import ColumnSink


def open_sinks(spec: JobSpec, fresh: bool) -> dict[str, ColumnSink]:
    """Open what ``[output]`` names; nothing when it names nothing.

    Parameters
    ----------
    spec : JobSpec
    fresh : bool
        Replace what is there: without checkpoints a run always begins at the beginning.

    Raises
    ------
    SinkError
        When a file can't be written.
    SpecError
        When the output is the input.
    """
    from streamnn_connectors import open_sink

    paths = spec.output.paths
    if spec.source.path is not None:
        source = Path(spec.source.path).resolve()
        for path in paths.values():
            if path.resolve() == source:
                raise SpecError(f"output: {path} is the source itself: name another file")
    sinks: dict[str, ColumnSink] = {}
    try:
        for name, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if fresh:
                remove_output(path)
            sinks[name] = open_sink(str(path))
    except OSError as e:
        raise SinkError(f"{path}: can't be written: {e.strerror or e}") from e
    finally:
        if len(sinks) < len(paths):
            for sink in sinks.values():
                sink.close()
    return sinks


def check_output(path: Path) -> None:
    """SpecError unless the name says a format that can be written; nothing is touched."""
    from streamnn_connectors.opening import SINK_SUFFIXES

    if not path.name.lower().endswith(SINK_SUFFIXES):
        raise SpecError(
            f"output: {path} has no suffix of a known format; allowed: {', '.join(SINK_SUFFIXES)}; "
            "a name without a suffix is a folder"
        )


def remove_output(path: Path) -> None:
    """Take away what an earlier run wrote: the file, or the parts of a Parquet folder and nothing else."""
    if path.is_dir():
        for part in path.glob("part-*.parquet"):
            part.unlink()
    else:
        path.unlink(missing_ok=True)
