"""Profiles of earlier computations."""

from __future__ import annotations

from typing import Any

from ecumene.core.context import Context
from ecumene.core.errors import EvaluationError
from ecumene.core.profile import Entry
from ecumene.core.profiles import condensed, merged
from ecumene.core.registry import algorithm
from ecumene.core.wire import Integer, Object

MOST_ENTRIES = 200
UNITS = ("", "k", "M", "G", "T")


@algorithm("Profile.getProfiles", hidden=True)
def get_profiles(
    ids: list[str],
    context: Context,
    format: str = "text",
    max_entries: Integer | None = None,
) -> Object:
    """Where the time and the memory of earlier computations went.

    Profiles are kept for an hour, for the account that asked for them.

    Parameters
    ----------
    ids : as the header of the profiled answers gave them; several are added up.
    format : text, a table for people, or json, its rows with more detail.
    max_entries : most rows: assets of a collection are put together first, then the least work.

    Notes
    -----
    EECU·s are seconds of this machine's processors; PeakMem are bytes of results that were alive at once in all
    threads, with an estimate of what was needed to make the last of them; Count says how often the work was
    done: calls of the algorithm, and blocks of pixels that it made. Time is exclusive: rows add up.
    ``Loading assets`` is reading, decoding and resampling; ``(plumbing)`` everything that is no algorithm's.
    What Earth Engine's own JSON looks like is not documented; here it is a list of objects.
    """
    if format not in ("text", "json"):
        raise EvaluationError(f"Unknown profile format '{format[:100]}': use 'text' or 'json'.")
    most = MOST_ENTRIES if max_entries is None else max_entries
    if most < 1:
        raise EvaluationError("Parameter 'maxEntries' must be positive.")
    if context.profiles is None:
        raise EvaluationError("This server keeps no profiles.")
    kept = context.profiles
    found = merged(kept.entries(name, context.account) for name in dict.fromkeys(ids))
    entries = condensed(found, most)
    return table(entries) if format == "text" else [row(entry) for entry in entries]


def table(entries: list[Entry]) -> str:
    """The profile as Earth Engine prints it."""
    lines = [" EECU·s PeakMem Count  Description"]
    for entry in entries:
        memory = quantity(entry.peak)
        lines.append(f"{entry.seconds:7.3f} {memory:>7} {entry.count:5d}  {described(entry)}")
    return "\n".join(lines) + "\n"


def described(entry: Entry) -> str:
    """What was done, and where there is more to say: for whom, and how much was read."""
    notes = []
    if entry.within:
        notes.append(f"pixels within {', '.join(entry.within)}")
    if entry.decoded:
        read = f"{quantity(entry.read)}B read, " if entry.read else ""
        notes.append(f"{read}{quantity(entry.decoded)}B decoded")
    return f"{entry.description} [{'; '.join(notes)}]" if notes else entry.description


def row(entry: Entry) -> dict[str, Any]:
    """The profile's entry as data: seconds, bytes."""
    return {
        "description": entry.description,
        "seconds": entry.seconds,
        "elapsedSeconds": entry.elapsed,
        "peakMemoryBytes": entry.peak,
        "count": entry.count,
        "bytesRead": entry.read,
        "bytesDecoded": entry.decoded,
        "pixelsWithin": list(entry.within),
    }


def quantity(number: int) -> str:
    """A number with a decimal unit, in at most four characters.

    >>> [quantity(n) for n in (0, 999, 1000, 9_949, 9_951, 59_300, 999_600, 1_000_000, 2_500_000_000)]
    ['0', '999', '1.0k', '9.9k', '10k', '59k', '1.0M', '1.0M', '2.5G']
    """
    value, unit = float(number), 0
    while round(value) >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    if unit == 0 or round(value, 1) >= 10:
        return f"{round(value)}{UNITS[unit]}"
    return f"{value:.1f}{UNITS[unit]}"
