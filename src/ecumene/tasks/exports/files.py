"""What exports to files share: the manifest of what was made, and putting it in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports.destinations import Place, place

Made = dict[str, Any]
"""``{"files": [[name in the scratch directory, ending of the published name], …]}``."""


def manifest(files: Mapping[str, str]) -> Made:
    """Files of the scratch directory, with the endings that they will be published under."""
    return {"files": [[name, ending] for name, ending in files.items()]}


def publish(task: TaskContext, made: Made) -> list[str]:
    """Puts files at the destination of the payload."""
    target = place(task.around.data, task.account, task.payload["destination"])
    if "tree" in made:
        return publish_tree(task, target, made)
    for name, ending in made["files"]:
        target.put(task.scratch.path / name, ending, task.operation.id)
    return [target.uri(ending) for _, ending in made["files"]]


def publish_tree(task: TaskContext, target: Place, made: Mapping[str, Any]) -> list[str]:
    """Puts a folder of the scratch directory in place, what describes it (hidden files) last."""
    root, ending = task.scratch.path / made["tree"], made.get("ending", "")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: path.name.startswith(".")):
        target.put(path, f"{ending}/{path.relative_to(root)}", task.operation.id)
    return [target.uri(f"{ending}/")]
