"""Freed memory stays with the process, until it is given back."""

from __future__ import annotations

import subprocess
import sys

import pytest

TOUCHES = """
import resource, sys
import numpy as np
from ecumene.storage import heap
if not heap.keep():
    sys.exit(77)

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

faults()
again, before = faults(), held()
heap.give_back()
print(again, before - held())
"""


def test_memory_is_touched_once_and_can_be_given_back():
    """20 arrays of 8 MB are 40,960 pages where each is new."""
    done = subprocess.run([sys.executable, "-c", TOUCHES], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("another C library than glibc")
    again, returned = map(int, done.stdout.split())
    assert again < 2000, done.stderr
    assert returned > 6e6
