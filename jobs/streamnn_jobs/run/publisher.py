"""Puts artefacts into a folder, from which devices are brought up to date."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from streamnn.errors import SinkError

from ..outputs.folder import make_folder, write_files
from ..spec.edge import EdgeSpec
from .student import Publication
from .summary import plain

NEWEST = "newest.json"
"""Says which file is the newest; who waits for an update looks there."""
_PREFIX, _SUFFIX = "artefact-", ".safetensors"
_FIELD = "edge.publish"


class Publisher:
    """A folder of artefacts, each there as a whole or not at all; refused ones are not put there.

    What is published does not depend on when a job was stopped: after a crash the same file is written again with the
    same bytes, which changes nothing. A file of other bytes is another run's; it is replaced, and those that came after
    it go.

    Parameters
    ----------
    folder : Path
    keep : int
        How many files stay.

    Raises
    ------
    SinkError
        When the folder can't be made.
    """

    def __init__(self, folder: Path, keep: int):
        self.folder, self._keep = folder, keep
        make_folder(folder, _FIELD)

    def write(self, publications: Sequence[Publication]) -> None:
        """Put those that are not refused into the folder.

        Raises
        ------
        SinkError
            When one can't be written.
        """
        from streamnn.edge.saving import to_bytes

        for each in publications:
            if not each.refused:
                try:
                    self._put(each, to_bytes(each.artefact))
                except OSError as e:
                    raise SinkError(f"{_FIELD}: {self.folder}: {e.strerror or e}") from e

    def _put(self, publication: Publication, data: bytes) -> None:
        path = self.folder / f"{_PREFIX}{publication.event:012d}{_SUFFIX}"
        if path.exists() and path.read_bytes() == data:
            return
        about = {
            "file": path.name,
            "bytes": len(data),
            "event": publication.event,
            "reason": publication.reason,
            "scores_of_the_one_before": publication.scores,
        }
        newest = json.dumps(plain(about), indent=2).encode() + b"\n"
        write_files(self.folder, {path.name: data, NEWEST: newest}, _FIELD)
        files = sorted(self.folder.glob(f"{_PREFIX}*{_SUFFIX}"))
        at = files.index(path)
        for old in (*files[: max(at + 1 - self._keep, 0)], *files[at + 1 :]):
            old.unlink(missing_ok=True)


def open_publisher(spec: EdgeSpec | None, partition: str | None = None) -> Publisher | None:
    """The folder that a spec names, or that of a partition within it; None where it names none."""
    if spec is None or spec.publish is None:
        return None
    folder = Path(spec.publish)
    return Publisher(folder if partition is None else folder / partition, spec.keep)
