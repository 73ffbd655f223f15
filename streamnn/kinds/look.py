"""A look at the first values of a column: what it is, though some of them are odd."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .column import SETTLED_AFTER, Column, is_missing, kind_of
from .missing import DOUBTFUL, MISSING
from .numbers import LARGEST_EXACT, PLAIN, integer, number, number_format
from .times import is_time

NEARLY_ALL = 0.9
"""Share of the values that are of a kind in a column of that kind: the others are missing in their cells."""
FEW_OTHERS, MANY_NUMBERS = 3, SETTLED_AFTER
"""At least half of the values are enough where the others are at most so many different ones, and the numbers at least
so many: a sensor that says "offline", and not a name that is a number now and then."""
SAMPLE = 200
"""Different texts by which it is told how numbers are written."""
ZEROS_IN_FRONT = "digits with zeros in front"
"""Why a column of digits is one of ids: they are no numbers, not even large ones."""
_TRUTHS = frozenset(("true", "false"))


def look(
    values: Sequence[Any],
    missing: frozenset[str] = MISSING,
    decimal: str | None = None,
    thousands: str | None = None,
    typed: bool = False,
) -> Column | None:
    """The kind of a column of which these are the first values.

    Parameters
    ----------
    values : sequence
        Texts of a file, or values of records (numbers, booleans, texts, times).
    missing : frozenset of str
        Texts that stand for a missing value.
    decimal, thousands : str, optional
        How numbers are written, where that is known.
    typed : bool
        Whether a number would have been given as one, as in JSON: texts of digits alone are texts then.

    Returns
    -------
    Column or None
        None where all are missing.

    Examples
    --------
    >>> look(["1.5", "2.5", "N/A", "3"])
    Column('number', 'all values are numbers')
    >>> look(["12,50", "1.000,00", "?"]).format, look(["04109", "10115"]).kind, look(["a", "1"]).kind
    (NumberFormat(decimal=',', group='.'), 'id', 'text')
    >>> look([3141592653589793238, 3141592653589793239]), look([True, None])
    (Column('id', 'integers beyond 2^53'), Column('boolean', 'all values are true or false'))
    """
    given = [v for v in values if not is_missing(v)]
    texts = [v.strip() for v in given if isinstance(v, str)]
    texts = [t for t in texts if t not in missing]
    plain = [t for t in texts if t not in DOUBTFUL]
    others = [v for v in given if not isinstance(v, str)]
    n = len(plain) + len(others)
    if n == 0:
        # nothing but "?" or "-": names like others
        return None if not texts else Column("text", "texts", fits=len(texts))
    kinds = Counter(map(kind_of, others))
    found = _of_texts(plain, decimal, thousands) if plain else None
    if not others:
        assert found is not None
        digits = typed and found.kind in ("number", "id") and all(t.lstrip("+-").isdigit() for t in plain)
        return Column("text", "texts", fits=found.fits) if digits else found
    numbers = kinds["number"] + kinds["id"] + kinds["boolean"]
    if kinds["boolean"] >= NEARLY_ALL * n:
        said = _share(kinds["boolean"], n, "true or false")
        return Column("boolean", said, fits=min(n, SETTLED_AFTER))
    for kind in ("time", "duration"):
        if kinds[kind] + sum(kind == "time" and is_time(t) for t in plain) >= NEARLY_ALL * n:
            return Column(kind, _share(kinds[kind], n, f"{kind}s"), fits=min(n, SETTLED_AFTER))
    read = sum(number(t) is not None for t in plain)
    odd = {t for t in plain if number(t) is None}
    few = n < SETTLED_AFTER and 2 * (numbers + read) > n  # as one by one: the more decide
    if few or _are_numbers(numbers + read, n, odd, len({v for v in others if isinstance(v, (int, float))})):
        if kinds["id"] and all(isinstance(v, int) for v in others):
            return Column("id", "integers beyond 2^53", fits=min(n, SETTLED_AFTER))
        return Column("number", _share(numbers + read, n, "numbers"), fits=min(n, SETTLED_AFTER))
    return Column("text", _share(n - numbers - read, n, "no numbers"), fits=min(n, SETTLED_AFTER))


def _of_texts(texts: list[str], decimal: str | None, thousands: str | None) -> Column:
    """The kind of texts, none of which is missing."""
    n, fits = len(texts), min(len(texts), SETTLED_AFTER)
    counts = Counter(texts)  # what is the same is looked at once

    def share(found: dict[str, Any]) -> int:
        return sum(counts[t] for t, v in found.items() if v is not None)

    if all(map(str.isdigit, counts)) and any(t[0] == "0" and len(t) > 2 for t in counts):
        return Column("id", ZEROS_IN_FRONT, fits=fits)
    whole = {t: integer(t) for t in counts}
    if share(whole) >= NEARLY_ALL * n and any(abs(v or 0) > LARGEST_EXACT for v in whole.values()):
        return Column("id", "integers beyond 2^53", fits=fits)
    times = sum(count for t, count in counts.items() if is_time(t))
    if times >= NEARLY_ALL * n:
        return Column("time", _share(times, n, "times"), fits=fits)
    truths = sum(count for t, count in counts.items() if t.lower() in _TRUTHS)
    if truths >= NEARLY_ALL * n:
        return Column("boolean", _share(truths, n, "true or false"), fits=fits)
    format, _ = number_format(list(counts)[:SAMPLE], decimal, thousands)
    numbers = {t: number(t, format) for t in counts}
    read = share(numbers)
    odd = {t for t, v in numbers.items() if v is None}
    if _are_numbers(read, n, odd, len(counts) - len(odd)):
        said = "" if format == PLAIN else f", written as {format}"
        return Column("number", _share(read, n, "numbers") + said, format, fits=fits)
    return Column("text", "texts" if read == 0 else _share(n - read, n, "no numbers"), fits=fits)


def _are_numbers(numbers: int, n: int, odd: set[str], different: int) -> bool:
    if numbers >= NEARLY_ALL * n:
        return True
    return numbers >= 0.5 * n and len(odd) <= FEW_OTHERS and different >= MANY_NUMBERS


def _share(count: int, n: int, what: str) -> str:
    return f"all values are {what}" if count == n else f"{count:,} of {n:,} values are {what}"
