"""One thread of torch's within a block. Imports torch."""

from __future__ import annotations

import torch


class OneThread:
    """Torch computes on one thread within it, and on as many as before after it.

    A network that learns event by event has too little to do for two: on a busy machine they wait for each other, for
    ten times as long as the work takes (``docs/decisions.md``).

    Examples
    --------
    >>> before = torch.get_num_threads()
    >>> with OneThread():
    ...     torch.get_num_threads()
    1
    >>> torch.get_num_threads() == before
    True
    """

    def __enter__(self) -> None:
        self._before = torch.get_num_threads()
        if self._before != 1:
            torch.set_num_threads(1)

    def __exit__(self, *error: object) -> None:
        if self._before != 1:
            torch.set_num_threads(self._before)
