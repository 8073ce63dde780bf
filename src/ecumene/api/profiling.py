"""Profiles over HTTP: a request header asks for one, a response header names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from ecumene.core.context import Context
from ecumene.core.profiles import Profiles

P = ParamSpec("P")
R = TypeVar("R")

ASKED = "x-earth-engine-computation-profiling"
ANSWER = "x-earth-engine-computation-profile"
_KEY = "ecumene.profile"


def profiled(
    work: Callable[P, R], request: Request, context: Context, profiles: Profiles
) -> Callable[P, R]:
    """The same work, on the clock of a new profile where the request asks for one."""
    if request.headers.get(ASKED, "") in ("", "0", "false"):
        return work
    context.profile = profiles.start(context.account)
    request.scope[_KEY] = context.profile.id
    timed = context.profile.around(work)

    def once(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return timed(*args, **kwargs)
        finally:
            context.profile = None  # collections that are kept evaluate in this context later

    return once


def announce(scope: Scope, response: Response) -> None:
    """Names the request's profile, of failed requests too."""
    if _KEY in scope:
        response.headers[ANSWER] = scope[_KEY]
