"""The route table: one row per method feeds the router and the discovery document."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

VERSIONS = ("v1", "v1beta", "v1alpha")
PROJECT = r"projects/[^/]+"
ASSET = r"projects/[^/]+/assets(?:/.*)?"
PATTERNS = {
    "project": PROJECT, "projectParent": PROJECT, "asset": ASSET, "map": rf"{PROJECT}/maps/[^/]+",
    "thumbnail": rf"{PROJECT}/thumbnails/[^/]+", "video": rf"{PROJECT}/videoThumbnails/[^/]+",
    "strip": rf"{PROJECT}/filmstripThumbnails/[^/]+", "table": rf"{PROJECT}/tables/[^/]+",
    "operation": rf"{PROJECT}/operations/[^/]+", "view": rf"{PROJECT}/featureViews?/[^/]+", "config": rf"{PROJECT}/config",
    "number": r"-?[0-9]{1,10}",
}  # fmt: skip


@dataclass(frozen=True)
class Route:
    """A method: ``id`` (without ``earthengine.projects.``), verb, path after the version, parameters, schemas.

    ``path`` holds ``{name}`` placeholders; ``kinds`` says which pattern each has. ``open`` methods need no token.
    ``own`` ones are not Earth Engine's: the discovery document, which clients check against, leaves them out.
    """

    id: str
    verb: str
    path: str
    kinds: tuple[tuple[str, str], ...]
    handler: Callable[..., Any]
    query: tuple[tuple[str, str], ...] = ()
    request: str | None = None
    response: str = "HttpBody"
    open: bool = False
    own: bool = False

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """What a path must look like."""
        kinds = dict(self.kinds)
        parts = re.split(r"\{(\w+)\}", self.path)
        text = "".join(
            re.escape(part) if i % 2 == 0 else f"(?P<{part}>{PATTERNS[kinds[part]]})"
            for i, part in enumerate(parts)
        )
        return re.compile(text)

    def discovery(self, version: str) -> dict[str, Any]:
        """The method in the discovery document."""
        kinds = dict(self.kinds)
        path = self.path
        parameters: dict[str, Any] = {}
        for name, kind in self.kinds:
            if kind == "number":
                parameters[name] = {
                    "location": "path",
                    "required": True,
                    "type": "integer",
                    "format": "int32",
                }
                continue
            path = path.replace(f"{{{name}}}", f"{{+{name}}}")
            parameters[name] = {
                "location": "path", "required": True, "type": "string", "pattern": f"^{PATTERNS[kinds[name]]}$",
            }  # fmt: skip
        for name, kind in self.query:
            parameters[name] = {"location": "query", "type": kind}
        out: dict[str, Any] = {
            "id": f"earthengine.projects.{self.id}",
            "path": f"{version}/{path}",
            "flatPath": f"{version}/{path}",
            "httpMethod": self.verb,
            "parameters": parameters,
            "parameterOrder": [name for name, _ in self.kinds],
            "response": {"$ref": self.response},
            "scopes": [
                "https://www.googleapis.com/auth/earthengine",
                "https://www.googleapis.com/auth/cloud-platform",
            ],
        }
        if self.request:
            out["request"] = {"$ref": self.request}
        return out
