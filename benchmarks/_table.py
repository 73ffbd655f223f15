"""Tables to read and figures to keep."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def text(v: Any) -> str:
    """A figure as a table shows it: four significant digits, thousands apart, a dash where there is none."""
    if v is None or (isinstance(v, float) and math.isnan(v)):
        return "-"
    if isinstance(v, bool):
        return "yes" if v else "no"
    if isinstance(v, int) or (isinstance(v, float) and abs(v) >= 1000):
        return f"{v:,.0f}"
    if isinstance(v, float):
        return f"{v:.4f}" if abs(v) < 1 else f"{v:.4g}"
    return str(v)


def show(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as a table; the first column is flush left."""
    names = list(dict.fromkeys(k for r in rows for k in r))
    cells = [names, *[[text(r.get(k)) for k in names] for r in rows]]
    wide = [max(len(c[i]) for c in cells) for i in range(len(names))]
    print(f"\n{title}")
    for c in cells:
        first, *rest = zip(c, wide, strict=True)
        print("  ".join([first[0].ljust(first[1]), *[v.rjust(w) for v, w in rest]]).rstrip(), flush=True)


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a table of markdown."""
    names = list(dict.fromkeys(k for r in rows for k in r))
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *[[text(r.get(k)) for k in names] for r in rows]]
    return "\n".join(f"| {' | '.join(x)} |" for x in lines)


def write(path: Path, program: str, parts: Sequence[tuple[str, str | Sequence[Mapping[str, Any]]]]) -> None:
    """Renew what stands below the program's mark in a markdown file: titles, each with a table or with text."""
    mark = f"<!-- tables: benchmarks/{program} --markdown -->"
    head = path.read_text().split(mark)[0] if path.is_file() else ""
    body = [
        f"## {title[0].upper()}{title[1:]}\n\n{part if isinstance(part, str) else markdown(part)}"
        for title, part in parts
    ]
    path.write_text("\n\n".join([head + mark, *body]) + "\n")


def plain(v: Any) -> Any:
    """The same as plain data; figures that are not finite become None."""
    if isinstance(v, Mapping):
        return {str(k): plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if hasattr(v, "tolist"):
        return plain(v.tolist())
    return None if isinstance(v, float) and not math.isfinite(v) else v


def keep(path: Path | None, figures: Mapping[str, Any]) -> None:
    """Write figures as JSON, where a path is given."""
    if path:
        path.write_text(json.dumps(plain(figures), indent=1) + "\n")
