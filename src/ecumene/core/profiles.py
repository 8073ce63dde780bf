"""Finished profiles by id: few, for an hour, each for its account only."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable

from ecumene.core.errors import EvaluationError
from ecumene.core.profile import LOADING, REST, Entry, Profile, coarser, joined

SECONDS = 3600.0
MOST = 500
MOST_OF_ACCOUNT = 100


class Profiles:
    """Profiles of recent requests, the oldest dropped first. Thread-safe."""

    def __init__(
        self, most: int = MOST, most_of_account: int = MOST_OF_ACCOUNT, seconds: float = SECONDS
    ) -> None:
        self.most, self.most_of_account, self.seconds = most, most_of_account, seconds
        self._held: OrderedDict[str, tuple[Profile, float]] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, account: str) -> Profile:
        """A new profile under an unguessable id."""
        profile = Profile(secrets.token_hex(16), account)
        with self._lock:
            own = [key for key, (held, _) in self._held.items() if held.account == account]
            for key in own[: max(len(own) - self.most_of_account + 1, 0)]:
                del self._held[key]
            self._held[profile.id] = profile, time.monotonic()
            while len(self._held) > self.most:
                self._held.popitem(last=False)
        return profile

    def entries(self, profile_id: str, account: str) -> tuple[Entry, ...]:
        """The lines of a profile; none while its request runs.

        Raises EvaluationError for an unknown or expired id, or one of another account.
        """
        with self._lock:
            profile, made = self._held.get(profile_id, (None, 0.0))
        if profile is None or profile.account != account or time.monotonic() - made > self.seconds:
            raise EvaluationError(
                f"Profile '{profile_id[:100]}' not found (does not exist, has expired or caller does not have access)."
            )
        return profile.finished or ()

    def __len__(self) -> int:
        return len(self._held)


def merged(profiles: Iterable[Iterable[Entry]]) -> list[Entry]:
    """Lines of several profiles together, those of the same description as one; the longest work first."""
    return _by_description(entry for entries in profiles for entry in entries)


def _by_description(entries: Iterable[Entry]) -> list[Entry]:
    found: dict[str, Entry] = {}
    for entry in entries:
        known = found.get(entry.description)
        name = entry.description
        found[name] = entry if known is None else joined(name, known, entry)
    return sorted(found.values(), key=lambda entry: (-entry.seconds, entry.description))


def condensed(entries: list[Entry], most: int) -> list[Entry]:
    """At most ``most`` lines: assets of a collection become one line first, then the least work does."""
    if len(entries) > most:
        entries = _by_description(
            joined(coarser(entry.description), entry, Entry(""))
            if entry.description.startswith(LOADING) and "/" in entry.description
            else entry
            for entry in entries
        )
    if len(entries) > most:
        kept = [entry for entry in entries if entry.description != REST][: most - 1]
        rest = Entry(REST)
        for entry in entries:
            if entry not in kept:
                rest = joined(REST, rest, entry)
        entries = [*kept, rest]
    return entries
