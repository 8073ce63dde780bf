"""The one tree of errors; raised with facts, phrased once, mapped to HTTP in ``api.errors``.

::

    EcumeneError                                  status               HTTP
    ├─ RequestError         the caller can fix it INVALID_ARGUMENT     400
    │  ├─ GraphError        undecodable, cyclic, dangling (names the node)
    │  ├─ BindingError      an argument is missing, surplus or mistyped
    │  ├─ EvaluationError   the computation itself is impossible
    │  ├─ NotImplementedYet a listed algorithm that this server does not have yet
    │  └─ LimitExceeded     a limit of the server: which, allowed, asked
    ├─ FailedPrecondition                         FAILED_PRECONDITION  400
    ├─ Unauthenticated                            UNAUTHENTICATED      401
    ├─ PermissionDenied                           PERMISSION_DENIED    403
    ├─ NotFound                                   NOT_FOUND            404
    ├─ AlreadyExists                              ALREADY_EXISTS       409
    ├─ RateLimited                                RESOURCE_EXHAUSTED   429
    └─ Unavailable          a store or the server UNAVAILABLE          503
"""

from __future__ import annotations


class EcumeneError(Exception):
    """Base of all errors that may reach a client."""

    status = "INTERNAL"
    http = 500
    node: str | None = None
    """Key of the expression node that failed, where one did."""

    @property
    def message(self) -> str:
        """The text a client sees."""
        return str(self.args[0]) if self.args else self.__class__.__name__


class RequestError(EcumeneError):
    """The caller can fix it."""

    status = "INVALID_ARGUMENT"
    http = 400


class GraphError(RequestError):
    """The expression graph cannot be decoded or walked; the text names the node."""


class BindingError(RequestError):
    """An argument is missing, surplus or of the wrong type."""


class EvaluationError(RequestError):
    """The computation is impossible with these values (``Algorithm: reason``)."""


class NotImplementedYet(RequestError):
    """The algorithm is listed but this server does not implement it yet."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: this algorithm is not implemented by this server yet.")


class LimitExceeded(RequestError):
    """A limit of this server was hit; the text says which, what was asked and what is allowed."""


class FailedPrecondition(EcumeneError):
    """The state of a resource forbids the request."""

    status = "FAILED_PRECONDITION"
    http = 400


class Unauthenticated(EcumeneError):
    """No valid credentials."""

    status = "UNAUTHENTICATED"
    http = 401


class PermissionDenied(EcumeneError):
    """Valid credentials without the right to do this."""

    status = "PERMISSION_DENIED"
    http = 403


class NotFound(EcumeneError):
    """No such resource, or the caller may not see it."""

    status = "NOT_FOUND"
    http = 404


class AlreadyExists(EcumeneError):
    """The resource exists already."""

    status = "ALREADY_EXISTS"
    http = 409


class RateLimited(EcumeneError):
    """Too many requests at once."""

    status = "RESOURCE_EXHAUSTED"
    http = 429


class Unavailable(EcumeneError):
    """A store or the server cannot answer now."""

    status = "UNAVAILABLE"
    http = 503


class Cancelled(EcumeneError):
    """The client went away or the deadline passed."""

    status = "INVALID_ARGUMENT"
    http = 400
