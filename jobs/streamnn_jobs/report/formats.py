"""Numbers and text for people: escaped, grouped, rounded, with a true minus sign."""

from __future__ import annotations

import html
import math
from typing import Any

NOTHING = "–"
"""What is shown where a number is missing."""


def esc(text: Any) -> str:
    """Text made safe for HTML and SVG, in elements and in quoted attributes.

    Control characters, which no XML document may hold, become U+FFFD.

    Examples
    --------
    >>> esc('<script>"a" & b</script>')
    '&lt;script&gt;&quot;a&quot; &amp; b&lt;/script&gt;'
    """
    plain = "".join(c if c >= " " or c in "\n\t" else "\ufffd" for c in str(text))
    return html.escape(plain.encode("utf-8", "replace").decode(), quote=True)


def as_float(value: Any) -> float:
    """A number, or NaN for what is none.

    Examples
    --------
    >>> as_float("0.5"), as_float(None)
    (0.5, nan)
    """
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def whole(value: Any) -> str:
    """A count.

    Examples
    --------
    >>> whole(81234), whole(-3), whole(None)
    ('81,234', '−3', '–')
    """
    number = as_float(value)
    return f"{number:,.0f}".replace("-", "−") if math.isfinite(number) else NOTHING


def decimal(value: Any, digits: int = 4) -> str:
    """A number with about `digits` significant digits, never in more than eight characters or so.

    Examples
    --------
    >>> decimal(0.43124), decimal(-12.3456), decimal(81234.5), decimal(3.2e-7), decimal(float("inf"))
    ('0.4312', '−12.35', '81,234', '3.2e−07', '∞')
    """
    number = as_float(value)
    if math.isnan(number):
        return NOTHING
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    size = abs(number)
    if number == 0:
        return "0"
    if size < 10 ** (-digits) or size >= 1e9:
        text = f"{number:.2g}"
    elif size < 1:
        text = f"{number:.{digits}f}"
    else:
        text = f"{number:,.{max(0, digits - len(str(int(size))))}f}"
    return text.replace("-", "−")


def percent(value: Any, digits: int = 1) -> str:
    """A share of one as per cent.

    Examples
    --------
    >>> percent(0.8123)
    '81.2\\xa0%'
    """
    number = as_float(value)
    return f"{100 * number:.{digits}f}\u00a0%".replace("-", "−") if math.isfinite(number) else NOTHING


def table(
    headers: list[str], rows: list[list[str]], caption: str, text_columns: tuple[int, ...] = (0,)
) -> str:
    """An HTML table with a caption and column headers; cells are HTML, escaped by the caller.

    Columns outside `text_columns` are numbers, set flush right; the first cell of each row is its header.

    Examples
    --------
    >>> "<th scope='row'>a</th><td class='num'>1</td>" in table(["name", "n"], [["a", "1"]], "Counts")
    True
    """

    def cls(i: int) -> str:
        return "" if i in text_columns else " class='num'"

    head = "".join(f"<th scope='col'{cls(i)}>{h}</th>" for i, h in enumerate(headers))
    body = "".join(
        f"<tr><th scope='row'{cls(0)}>{row[0]}</th>"
        + "".join(f"<td{cls(i)}>{c}</td>" for i, c in enumerate(row[1:], 1))
        + "</tr>"
        for row in rows
    )
    return (
        f"<div class='scroll'><table><caption>{caption}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
