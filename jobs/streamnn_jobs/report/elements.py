"""What several sections share: their heading, tables, and what stands where a picture is missing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .templating import TEMPLATES


@dataclass(slots=True, frozen=True)
class Cell:
    """A cell of a table that is more than plain text.

    Parameters
    ----------
    lines : sequence of str
        Set below each other.
    hint : str
        Said faintly behind it, where there is room.
    tone : str or None
        CSS class of the colour of a key before it; an empty one leaves room for a key.
    strong, code : bool
    """

    lines: Sequence[str]
    hint: str = ""
    tone: str | None = None
    strong: bool = False
    code: bool = False


def section(key: str, title: str, how: str, *parts: Markup) -> Markup:
    """One section of the page: a heading, how to read it, and its pictures."""
    return TEMPLATES.render("section.html", key=key, title=title, how=how, parts=parts)


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str | Cell]],
    caption: str,
    text_columns: Collection[int] = (0,),
) -> Markup:
    """A table with a caption and column headers.

    Columns outside `text_columns` are numbers, set flush right; the first cell of each row is its header.

    Examples
    --------
    >>> "<th scope='row'>a</th><td class='num'>1</td>" in table(["name", "n"], [["a", "1"]], "Counts")
    True
    """
    return TEMPLATES.render(
        "table.html", headers=headers, rows=rows, caption=caption, text_columns=text_columns
    )


def empty_chart(name: str, title: str, why: str = "Nothing to show yet.") -> Markup:
    """A picture that says that there is nothing to show.

    Examples
    --------
    >>> "data-empty" in empty_chart("loss", "Loss")
    True
    """
    return TEMPLATES.render("empty_chart.html", name=name, title=title, why=why)
