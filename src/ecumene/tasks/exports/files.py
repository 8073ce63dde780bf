"""What exports to files share: the manifest of what was made, and putting it in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports.destinations import place

Made = dict[str, Any]
"""``{"files": [[name in the scratch directory, ending of the published name], …]}``."""


def manifest(files: Mapping[str, str]) -> Made:
    """Files of the scratch directory, with the endings that they will be published under."""
    return {"files": [[name, ending] for name, ending in files.items()]}


def publish(task: TaskContext, made: Made) -> list[str]:
    """Puts files at the destination of the payload."""
    target = place(task.around.data, task.account, task.payload["destination"])
    for name, ending in made["files"]:
        target.put(task.scratch.path / name, ending, task.operation.id)
    return [target.uri(ending) for _, ending in made["files"]]
