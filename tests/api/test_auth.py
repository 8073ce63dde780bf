"""Log-in: assertions that are accepted and refused, tokens, keys on a running server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import subprocess
import sys
import time
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.api.conftest import Service, assertion, encoded, grant, make_key
from tests.servers import ecumene

ASSETS = "/v1/projects/earthengine-public:listAssets"


def refused(answer: requests.Response) -> str:
    assert answer.status_code == 400
    body = answer.json()
    assert body["error"] == "invalid_grant"
    return str(body["error_description"])


def test_an_assertion_buys_a_token(service: Service) -> None:
    answer = grant(service.base, assertion(service.key))
    assert answer.status_code == 200
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert 0 < body["expires_in"] <= 3600
    assert answer.headers["Cache-Control"] == "no-store"
    assert service.get("/v1/projects/small/algorithms").status_code == 200


def as_gdal_writes(key: dict[str, Any]) -> str:
    """No key id, and base64 in the plain alphabet with padding, which is what is signed."""
    plain = lambda part: base64.b64encode(part).decode()  # noqa: E731
    now = int(time.time())
    scope = "https://www.googleapis.com/auth/earthengine.readonly"
    claims = {"iss": key["client_email"], "scope": scope, "aud": key["token_uri"], "iat": now, "exp": now + 3600, "x": "?>~~"}  # fmt: skip
    spaced = json.dumps(claims).encode()
    spaced += b" " * ((1 - len(spaced)) % 3)
    text = plain(b'{"alg":"RS256","typ":"JWT"}') + "." + plain(spaced)
    private: Any = serialization.load_pem_private_key(key["private_key"].encode(), None)
    return f"{text}.{plain(private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def test_an_assertion_in_plain_base64_buys_a_token(service: Service) -> None:
    text = as_gdal_writes(service.key)
    assert text.split(".")[1].endswith("==")
    answer = grant(service.base, text)
    assert answer.status_code == 200, answer.text


def other_key(key: dict[str, Any]) -> dict[str, Any]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return key | {"private_key": text.decode()}


def unsigned(key: dict[str, Any]) -> str:
    head, body, _ = assertion(key, {"alg": "none"}).split(".")
    return f"{head}.{body}."


def by_public_key(key: dict[str, Any]) -> str:
    """HS256 with the public key as the secret: what a careless checker takes."""
    private = serialization.load_pem_private_key(key["private_key"].encode(), None)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head, body, _ = assertion(key, {"alg": "HS256"}).split(".")
    mac = hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{encoded(mac)}"


NOW = int(time.time())
BAD = {
    "another private key": lambda key: assertion(other_key(key)),
    "no algorithm": unsigned,
    "HS256 with the public key": by_public_key,
    "RS512": lambda key: assertion(key, {"alg": "RS512"}),
    "expired": lambda key: assertion(key, iat=NOW - 7200, exp=NOW - 3600),
    "not yet": lambda key: assertion(key, iat=NOW + 7200, exp=NOW + 9000),
    "a day long": lambda key: assertion(key, iat=NOW, exp=NOW + 86400),
    "no expiry": lambda key: assertion(key, exp=None),
    "never": lambda key: assertion(key, exp=float("nan")),
    "never, from never": lambda key: assertion(key, iat=float("nan"), exp=NOW + 10**9),
    "for ever": lambda key: assertion(key, exp=float("inf")),
    "more than a float": lambda key: assertion(key, iat=float(NOW), exp=10**400),
    "text for a time": lambda key: assertion(key, exp="tomorrow"),
    "another issuer": lambda key: assertion(key, iss="someone@else.example"),
    "no issuer": lambda key: assertion(key, iss=None),
    "an unknown key id": lambda key: assertion(key, {"kid": "0123456789abcdef"}),
    "another audience": lambda key: assertion(key, aud="https://elsewhere.example/token"),
    "a changed claim": lambda key: ".".join(
        part if i != 1 else encoded(json.dumps({"iss": key["client_email"], "exp": NOW + 99}).encode())
        for i, part in enumerate(assertion(key).split("."))
    ),
    "a critical header": lambda key: assertion(key, {"crit": ["exp"]}),
    "spaces in the signature": lambda key: assertion(key)[:-4] + " " + assertion(key)[-4:],
    "two parts": lambda key: assertion(key).rpartition(".")[0],
    "no JSON": lambda key: "a.b.c",
    "nothing": lambda key: "",
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_assertions_are_refused(service: Service, case: str) -> None:
    assert refused(grant(service.base, BAD[case](service.key)))


@pytest.mark.parametrize("form", [{}, {"grant_type": "password"}, {"grant_type": "refresh_token"}])
def test_other_grants_are_refused(service: Service, form: dict[str, str]) -> None:
    answer = requests.post(f"{service.base}/token", data=form, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("unsupported_grant_type", "invalid_grant")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic dTpw"}, {"Authorization": ""}],
    ids=["none", "unknown", "basic", "empty"],
)  # fmt: skip
def test_requests_without_a_good_token(service: Service, headers: dict[str, str]) -> None:
    answer = requests.get(f"{service.base}{ASSETS}", headers=headers, timeout=30)
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (401, "UNAUTHENTICATED")
    assert error["message"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/$discovery/rest?version=v1"])
def test_open_to_everybody(service: Service, path: str) -> None:
    assert requests.get(f"{service.base}{path}", timeout=30).status_code == 200


def test_tokens_are_stored_as_hashes_only(service: Service) -> None:
    token = service.authority()["Authorization"].removeprefix("Bearer ")
    database = service.data / "accounts.sqlite"
    with sqlite3.connect(database) as connection:
        dump = "\n".join(connection.iterdump())
    assert token not in dump
    assert hashlib.sha256(token.encode()).hexdigest() in dump
    assert "PRIVATE KEY" not in dump


def test_a_key_works_and_stops_at_once_on_a_running_server(service: Service) -> None:
    key = make_key(service.data, service.base, "guest")
    guest = Service(service.base, service.data, key)
    authority = guest.authority()
    assert requests.get(f"{service.base}{ASSETS}", headers=authority, timeout=30).status_code == 200
    listed = ecumene("keys", "list", "--data", str(service.data)).stdout
    assert key["private_key_id"] in listed
    ecumene("keys", "revoke", key["private_key_id"], "--data", str(service.data))
    assert requests.get(f"{service.base}{ASSETS}", headers=authority, timeout=30).status_code == 401
    assert refused(grant(service.base, assertion(key)))


def test_an_existing_file_is_not_overwritten(service: Service, tmp_path) -> None:
    path = tmp_path / "key.json"
    path.write_text("mine")
    with pytest.raises(subprocess.CalledProcessError):
        ecumene(
            "keys", "create", str(path), "--account", "x", "--url", service.base, "--data", str(service.data),
        )  # fmt: skip
    assert path.read_text() == "mine"


def test_a_key_file_is_its_owners_alone(service: Service) -> None:
    assert ((service.data / "tester.json").stat().st_mode & 0o077) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])
def test_anonymous_access_is_refused_beyond_loopback(tmp_path, host: str) -> None:
    command = [
        sys.executable,
        "-m",
        "ecumene.cli",
        "serve",
        "--data",
        str(tmp_path),
        "--host",
        host,
    ]
    found = subprocess.run(
        [*command, "--anonymous"], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 2
    assert "anonymous" in found.stderr


def test_an_assertion_works_again_for_a_moment_only(tmp_path, monkeypatch) -> None:
    """Clients retry with the assertion they have; later it is worth nothing."""
    from ecumene.api import accounts as accounts_module
    from ecumene.api import auth
    from ecumene.api.accounts import Accounts

    key = make_key(tmp_path, "http://127.0.0.1:1", "again")
    accounts = Accounts.of(tmp_path)
    text = assertion(key)
    form = {"grant_type": auth.JWT_GRANT, "assertion": text}
    own = "http://127.0.0.1:1/token"
    assert auth.token_answer(accounts, form, own)[0] == 200
    assert auth.token_answer(accounts, form, own)[0] == 200
    now = time.time()
    for module in (auth, accounts_module):
        monkeypatch.setattr(module.time, "time", lambda: now + auth.REPLAY + 5)
    head, _, signature = text.rpartition(".")
    for other in (signature, f"{signature}==", signature.replace("-", "+").replace("_", "/")):
        spelled = f"{head}.{other}"
        status, answer = auth.token_answer(accounts, form | {"assertion": spelled}, own)
        assert (status, answer["error"]) == (400, "invalid_grant")
        assert "used before" in answer["error_description"]
    assert auth.token_answer(accounts, form | {"assertion": assertion(key)}, own)[0] == 200
