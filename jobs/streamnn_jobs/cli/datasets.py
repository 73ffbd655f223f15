"""The table of `streamnn datasets`."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap

from ..data.names import datasets
from ..process.exits import quiet_pipe


def list_datasets(as_json: bool) -> None:
    """Names, sizes and origins. Off a terminal no line is cut."""
    found = datasets()
    if as_json:
        keys = ("name", "origin", "task", "records", "label", "event_time", "label_time", "note")
        with quiet_pipe():
            print(json.dumps([{k: getattr(d, k) for k in keys} for d in found]))
        return
    rows = [["name", "records", "task", "label", "origin", "note"]]
    for d in found:
        late = f"{d.label}, late" if d.label_time else d.label or ""
        rows.append(
            [d.name, "" if d.records is None else f"{d.records:,}", d.task or "", late, d.origin, d.note]
        )
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    with quiet_pipe():
        for line in lines(rows, width):
            print(line)


def lines(rows: list[list[str]], width: int | None = None) -> list[str]:
    """Rows as aligned text, numbers in the second column to the right.

    Parameters
    ----------
    rows : list of list of str
        The last cell of each is the note.
    width : int, optional
        Of the terminal: where the notes do not fit beside, they stand below. None: no limit.

    Examples
    --------
    >>> lines([["a", "10", "x"], ["bcd", "5", "why"]])
    ['a    10  x', 'bcd   5  why']
    >>> lines([["a", "10", "so and so"]], 11)
    ['a  10', '    so and', '    so']
    """
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    beside, below = [], []
    for *cells, note in rows:
        left = [
            c.rjust(w) if i == 1 else c.ljust(w) for i, (c, w) in enumerate(zip(cells, wide, strict=True))
        ]
        beside.append("  ".join([*left, note]).rstrip())
        below.append("  ".join(left).rstrip())
        indent = " " * 4
        below += textwrap.wrap(note, width or 80, initial_indent=indent, subsequent_indent=indent)
    return beside if width is None or max(map(len, beside)) <= width else below
