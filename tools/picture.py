"""Draw the route of an event through the default pool into docs/how-it-works.md, from the objects themselves.

make picture        writes it; tests/test_docs_links.py says when it is stale
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from streamnn import Classifier
from streamnn.features.layout import BLOCKS
from streamnn.pool.describe import Call, route

PAGE = Path(__file__).parents[1] / "docs" / "how-it-works.md"
START, END = "<!-- picture -->\n", "<!-- /picture -->\n"
EARLY, LATE = "side by side; they read known labels", "side by side; they read stand-ins too"
NOTES = {"_known": "history (labels known)", "_impute": "history (stand-ins for labels not known)"}


def started() -> Classifier:
    """A default pool that has seen an event with a time, a number and a category."""
    model = Classifier(classes=["late", "on time"])
    model.observe({"distance": 282.0, "origin": "EWR"}, time=0.0)
    return model


def picture() -> str:
    """The route, step by step, as the kernels are called. Members in one line do not read each other."""
    pool = started()._pool
    members = {m.name: m for m in pool.members}

    def group(call: Call) -> str:
        """What is drawn in one line: members of one kind, and other parts up to the next members."""
        if call.part in members:
            return EARLY if members[call.part].early else LATE
        return ""

    lines = []
    for step, calls in groupby(route(pool), lambda c: c.step):
        name = step
        for kind, found in groupby(calls, group):
            joint = " ∥ " if kind else " → "
            words = dict.fromkeys(NOTES.get(c.function, c.part.split("/")[-1]) for c in found)
            lines.append((name, "  " * bool(kind) + joint.join(words), kind))
            name = ""
    width = max(len(w) for _, w, _ in lines)
    drawn = [f"  │ {name:8} {words.ljust(width)}  {kind}".rstrip() for name, words, kind in lines]
    row = "  row: " + " | ".join(BLOCKS)
    return "\n".join(
        ["columns, operations", *drawn, "  ▼", "predictions, surprise, entropy, alarms", "", row]
    )


def page() -> str:
    """The page with the picture as it is today."""
    text = PAGE.read_text()
    head, tail = text.split(START)[0], text.split(END)[1]
    return f"{head}{START}```text\n{picture()}\n```\n{END}{tail}"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(page() != PAGE.read_text())
    PAGE.write_text(page())
