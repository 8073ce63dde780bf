"""Trained models, remembered by what they were trained on: of one account each, bounded in bytes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from ecumene.core import caches
from ecumene.core.lru import Lru

KEPT_BYTES = 256 * 2**20

_recent: Lru[Any] = Lru(KEPT_BYTES, lambda model: int(model.size))

caches.share("models", caches.of_lru(_recent, in_bytes=True))


def once(account: str, key: Hashable, train: Callable[[], Any]) -> Any:
    """The model of a key that the account trained before, else a new one. Models tell their ``size`` in bytes."""
    held = account, key
    model = _recent.get(held)
    if model is None:
        model = train()
        _recent.put(held, model)
    return model


def forget() -> None:
    """Drops every model."""
    _recent.clear()
