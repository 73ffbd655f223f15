"""A binary heap of records by due time, the earliest on top, equal ones by their number."""

from __future__ import annotations

from .._kernels.jit import leaf


@leaf
def _before(due, heap, i, j):
    a, b = due[heap[i]], due[heap[j]]
    return a < b or (a == b and heap[i] < heap[j])


@leaf
def sift_up(due, heap, i):
    """Let the record at place i, the last one, rise to its place."""
    while i > 0:
        up = (i - 1) >> 1
        if not _before(due, heap, i, up):
            break
        heap[i], heap[up] = heap[up], heap[i]
        i = up


@leaf
def sift_down(due, heap, n):
    """Let the record on top of n sink to its place."""
    i = 0
    while True:
        low = i
        for child in (2 * i + 1, 2 * i + 2):
            if child < n and _before(due, heap, child, low):
                low = child
        if low == i:
            break
        heap[i], heap[low] = heap[low], heap[i]
        i = low
