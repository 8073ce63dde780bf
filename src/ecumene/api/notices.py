"""What a request's client is told beside the answer: the ids that it used and that are retired.

A standard ``Warning`` header for each (RFC 7234, code 299). Earth Engine's own clients learn of retired datasets
from a list at a fixed address, so there is no header of theirs to send.
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Scope

from ecumene.core.context import Context

MOST = 20
"""Warnings of one answer."""

_KEY = "ecumene.superseded"


def begin(scope: Scope) -> None:
    """Before a request; the requests of a batch share its notices."""
    scope[_KEY] = {}


def collect(scope: Scope, context: Context) -> None:
    """Makes a context's notices the request's."""
    context.superseded = scope[_KEY]


def announce(scope: Scope, response: Response) -> None:
    """Adds the headers, to failed requests' answers too."""
    for retired, successor in list(scope[_KEY].items())[:MOST]:
        text = f"{retired} is retired: {successor} answered for it."
        response.headers.append("Warning", f'299 - "{_plain(text)}"')


def _plain(text: str) -> str:
    """What may stand in a quoted string of a header."""
    shown = "".join(c if 32 <= ord(c) < 127 else "?" for c in text)
    return shown.replace("\\", "?").replace('"', "?")
