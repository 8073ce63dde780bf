"""A heap for kernels: numbers with names, the smallest number first, of equals the smaller name."""

from __future__ import annotations

from typing import Any

from ecumene.kernels.common import helper


@helper
def pushed(heap: Any, names: Any, size: int, number: float, name: int) -> None:
    """Adds an entry to ``size`` others."""
    k = size
    while k > 0:
        up = (k - 1) >> 1
        if heap[up] < number or (heap[up] == number and names[up] < name):
            break
        heap[k], names[k] = heap[up], names[up]
        k = up
    heap[k], names[k] = number, name


@helper
def popped(heap: Any, names: Any, size: int) -> None:
    """Takes the first of ``size`` entries away."""
    last = size - 1
    number, name = heap[last], names[last]
    k = 0
    while True:
        child = 2 * k + 1
        if child >= last:
            break
        other = child + 1
        if other < last and (
            heap[other] < heap[child]
            or (heap[other] == heap[child] and names[other] < names[child])
        ):
            child = other
        if number < heap[child] or (number == heap[child] and name < names[child]):
            break
        heap[k], names[k] = heap[child], names[child]
        k = child
    heap[k], names[k] = number, name
