"""Who is asking: the token endpoint and bearer tokens."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from ecumene.api.accounts import LIFETIME, Accounts, Key
from ecumene.core.errors import Unauthenticated

AUDIENCES = ("https://oauth2.googleapis.com/token", "https://www.googleapis.com/oauth2/v4/token")
SKEW = 60
REPLAY = 120
"""Seconds within which a client may present the same assertion again (retries, several sessions at once)."""

LONGEST = 3600 + SKEW
LATEST = 2**63
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Refused(Exception):
    """An assertion that is not accepted; the text is the description in the answer."""


def _candidates(
    accounts: Accounts, header: Mapping[str, Any], claims: Mapping[str, Any]
) -> list[Key]:
    issuer = claims.get("iss")
    if not isinstance(issuer, str):
        raise Refused("Invalid JWT: 'iss' is missing.")
    identifier = header.get("kid")
    if identifier is not None:
        key = accounts.key(str(identifier))
        if key is None or key.email != issuer:
            raise Refused("Invalid grant: account or key not found.")
        return [key]
    found = accounts.keys_of(issuer)
    if not found:
        raise Refused("Invalid grant: account not found.")
    return found


def _unverified(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = assertion.split(".")
    if len(parts) != 3:
        raise Refused("Invalid JWT: it must have three parts.")
    try:
        header, claims = (json.loads(_decoded(part)) for part in parts[:2])
    except (ValueError, UnicodeDecodeError, RecursionError):
        raise Refused("Invalid JWT: it cannot be decoded.") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Refused("Invalid JWT: it cannot be decoded.")
    if header.get("alg") != "RS256":
        raise Refused("Invalid JWT: only RS256 is accepted.")
    if "crit" in header:
        raise Refused("Invalid JWT: critical headers are not understood.")
    return header, claims


def _is_time(value: Any) -> TypeGuard[float]:
    """Whether this is a number of seconds: JSON's NaN would be before and after every time."""
    return isinstance(value, int | float) and 0 <= value < LATEST


def _decoded(part: str) -> bytes:
    """What a part says, in the alphabet for URLs or, as GDAL writes it, the plain one with padding."""
    plain = part.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _signed_by(key: Key, assertion: str) -> bool:
    """Whether a key signed an assertion, as it was sent: re-encoded it would be another text."""
    text, _, signature = assertion.rpartition(".")
    checker = JWSRegistry.algorithms["RS256"]
    try:
        public = RSAKey.import_key(key.public_key)
        return bool(checker.verify(text.encode(), _decoded(signature), public))
    except ValueError:
        return False


def verify(accounts: Accounts, assertion: str, audiences: tuple[str, ...]) -> Key:
    """The key that signed an assertion; Refused unless everything about it is right.

    It may leave its audience out, as google-auth does for tokens that are used as they are.
    """
    header, claims = _unverified(assertion)
    candidates = _candidates(accounts, header, claims)
    signer = next((key for key in candidates if _signed_by(key, assertion)), None)
    if signer is None:
        raise Refused("Invalid JWT Signature.")
    now = time.time()
    issued, expires = claims.get("iat"), claims.get("exp")
    if not _is_time(issued) or not _is_time(expires):
        raise Refused("Invalid JWT: 'iat' and 'exp' are needed.")
    if expires <= now:
        raise Refused(
            "Invalid JWT: Token must be a short-lived token and in a reasonable timeframe."
        )
    if issued > now + SKEW or expires - issued > LONGEST:
        raise Refused(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        )
    audience = claims.get("aud")
    if audience is None:
        return signer
    named = audience if isinstance(audience, list) else [audience]
    if not any(a in audiences for a in named):
        raise Refused("Invalid JWT: unknown audience.")
    return signer


def token_answer(
    accounts: Accounts, form: Mapping[str, str], own_url: str
) -> tuple[int, dict[str, Any]]:
    """Status and JSON of the token endpoint."""
    grant = form.get("grant_type")
    if grant == JWT_GRANT:
        assertion = form.get("assertion", "")
        try:
            key = verify(accounts, assertion, (*AUDIENCES, own_url))
            signed = assertion.rpartition(".")[0]  # its signature can be spelled in several ways
            if time.time() - accounts.first_seen(signed) > REPLAY:
                raise Refused("Invalid JWT: this assertion has been used before.")
        except Refused as refused:
            return 400, {"error": "invalid_grant", "error_description": str(refused)}
        return 200, {
            "access_token": accounts.issue(key.id),
            "expires_in": LIFETIME,
            "token_type": "Bearer",
        }
    if grant == "refresh_token":
        return 400, {
            "error": "invalid_grant",
            "error_description": "This server issues no refresh tokens.",
        }
    return 400, {
        "error": "unsupported_grant_type",
        "error_description": f"Unsupported grant_type: {grant}",
    }


@dataclass(frozen=True, slots=True)
class Holder:
    """Who presented a token, and until when it is good (seconds since 1970; None without a token)."""

    account: str
    until: float | None = None


def holder_of(accounts: Accounts | None, authorization: str | None, anonymous: bool) -> Holder:
    """Whose an ``Authorization`` header is; Unauthenticated if there must be one and is not."""
    if accounts is None:
        return Holder("anonymous")
    if not authorization:
        if anonymous:
            return Holder("anonymous")
        raise Unauthenticated(
            "Request is missing required authentication credential. Expected OAuth 2 access token; "
            "make a key with 'ecumene keys create'."
        )
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() == "bearer" and token:
        found = accounts.holder_of(token)
        if found is not None:
            return Holder(*found)
        if token.count(".") == 2:
            try:
                signer = verify(accounts, token, AUDIENCES)
                return Holder(signer.account, float(_unverified(token)[1]["exp"]))
            except Refused:
                pass
    raise Unauthenticated(
        "Request had invalid authentication credentials. The access token is unknown or has expired."
    )
