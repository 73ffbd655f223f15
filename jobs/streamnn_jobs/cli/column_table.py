"""The table of columns that a run begins with."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..records.columns import ColumnRow

SHOWN_COLUMNS = 24
"""Columns shown by name before a run; `streamnn check` shows all."""


def show_columns(console: Console, rows: Sequence[ColumnRow], most: int | None = None) -> None:
    """Print what the columns were taken for.

    Parameters
    ----------
    console : Console
    rows : sequence of ColumnRow
    most : int, optional
        Most rows; those that are no plain features, or have something missing, come first then.
    """
    shown = list(rows)
    if most is not None and len(shown) > most:
        told = [
            r for r in shown if r.use != "feature" or r.missing > 0.0 or r.kind not in ("number", "boolean")
        ]
        chosen = {id(r) for r in (told + [r for r in shown if r not in told])[:most]}
        shown = [r for r in shown if id(r) in chosen]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (
        ("column", "left"),
        ("kind", "left"),
        ("why", "left"),
        ("missing", "right"),
        ("examples", "left"),
        ("use", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for r in shown:
        missing = "" if r.missing == 0.0 else "<0.1 %" if r.missing < 0.001 else f"{100 * r.missing:.1f} %"
        cells = (r.name, r.kind, r.why, missing, ", ".join(r.examples), r.use)
        table.add_row(*map(Text, cells))
    console.print(table)
    if len(shown) < len(rows):
        console.print(f"and {len(rows) - len(shown)} more; `streamnn check` shows all", markup=False)
