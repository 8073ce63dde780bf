"""All kinds of tasks, by the name that operations are stored under."""

from __future__ import annotations

from collections.abc import Mapping

from ecumene.tasks.context import Kind

KINDS: Mapping[str, Kind] = {}
