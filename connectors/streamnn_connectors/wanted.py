"""Which columns of a record are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable

_MOST_REMEMBERED = 100_000
"""Names whose answer is remembered; a stream that brings ever new ones starts over."""


class Wanted:
    """Columns that a source hands on. What is not wanted is not looked at: it costs no record.

    A name covers what is nested below it: ``meta`` is ``meta.id`` and ``meta[0]`` as well.

    Parameters
    ----------
    include : iterable of str, optional
        Only these; all by default.
    ignore : iterable of str
        Not these.
    always : iterable of str
        Whatever the others say: columns with a role, such as the label, times, a key.

    Examples
    --------
    >>> wanted = Wanted(ignore=["meta"], always=["meta.key"])
    >>> [wanted.takes(name) for name in ("price", "meta", "meta.trace", "meta.key", "metal")]
    [True, False, False, True, True]
    >>> wanted.enters("meta"), wanted.enters("meta.trace")
    (True, False)
    """

    def __init__(
        self,
        include: Iterable[str] | None = None,
        ignore: Iterable[str] = (),
        always: Iterable[str] = (),
    ):
        self._include = None if include is None else frozenset(include)
        self._ignore = frozenset(ignore)
        self._always = frozenset(always)
        self._takes = _Answers(self._decide)
        self._enters = _Answers(self._decide_below)
        # what lies on the way down to a name that is asked for
        asked = self._always | (self._include or frozenset())
        self._ways = frozenset(above for name in asked for above in _above(name))
        self._matched: set[str] = set()

    @property
    def everything(self) -> bool:
        """Whether all columns are taken."""
        return self._include is None and not self._ignore

    def takes(self, name: str) -> bool:
        """Whether the column `name`, a single value, is wanted."""
        return self._takes[name]

    def enters(self, name: str) -> bool:
        """Whether anything below the nested column `name` can be wanted."""
        return self._enters[name]

    def unmatched(self) -> list[str]:
        """Names that were given here and have not matched any column asked about so far, sorted."""
        given = self._always | self._ignore | (self._include or frozenset())
        return sorted(given - self._matched)

    def _decide(self, name: str) -> bool:
        covers = {name, *_above(name)}
        self._matched |= (covers & (self._ignore | (self._include or frozenset()))) | ({name} & self._always)
        if name in self._always:
            return True
        return (self._include is None or not covers.isdisjoint(self._include)) and covers.isdisjoint(
            self._ignore
        )

    def _decide_below(self, name: str) -> bool:
        return self._decide(name) or (
            name in self._ways
            and (
                {name, *_above(name)}.isdisjoint(self._ignore)
                or any(name in _above(asked) for asked in self._always)
            )
        )


class _Answers(dict[str, bool]):
    """Answers by name, found once."""

    def __init__(self, decide: Callable[[str], bool]) -> None:
        super().__init__()
        self._decide = decide

    def __missing__(self, name: str) -> bool:
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        found = self[name] = self._decide(name)
        return found


def _above(name: str) -> list[str]:
    """The names that `name` lies below.

    >>> _above("cart.items[0].price")
    ['cart', 'cart.items', 'cart.items[0]']
    """
    return [name[:i] for i, c in enumerate(name) if c in ".[" and i]


EVERYTHING = Wanted()
"""All columns."""
