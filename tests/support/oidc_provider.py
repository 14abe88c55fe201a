"""A small OpenID Connect provider on this machine, with real RSA keys, which can be told to misbehave."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

CLIENT: Final = "truc-console"
SECRET: Final = "bí mật của ứng dụng"
SUBJECT: Final = "4f1c-42"


@cache
def rsa_key(name: str) -> RSAKey:
    """One key per name and run; making one takes a moment."""
    return RSAKey.generate_key(2048, parameters={"kid": name})


@dataclass
class OidcProvider:
    """What it says is said by its fields; a test changes them. `claims` are added to every ID token."""

    now: Callable[[], datetime]
    claims: dict[str, Any] = field(default_factory=dict)
    override: dict[str, Any] = field(default_factory=dict)
    """Replaces claims that the provider makes; None leaves one out."""
    signs_with: str = "key-1"
    """The name of the key that signs, and under which it is published unless `publishes` says otherwise."""
    publishes: tuple[str, ...] = ("key-1",)
    algorithm: str = "RS256"
    metadata: dict[str, Any] = field(default_factory=dict)
    broken: str = ""
    """The path that answers with 500."""
    asked: list[str] = field(default_factory=list)
    port: int = 0
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            **self.metadata,
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [rsa_key(name).as_dict(private=False) for name in self.publishes]}

    def authorize(self, query: dict[str, str]) -> str:
        """The address to which the browser is sent back."""
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """None when code, client, address or verifier do not fit. A code serves once."""
        begun = self._codes.pop(form.get("code", ""), None)
        if begun is None or form.get("redirect_uri") != begun["redirect_uri"]:
            return None
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        client, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if begun["code_challenge"] != challenge or begun["code_challenge_method"] != "S256":
            return None
        if (unquote(client), unquote(secret)) != (CLIENT, SECRET):
            return None
        now = int(self.now().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": SUBJECT,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": begun["nonce"],
            **self.claims,
            **self.override,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        return {"access_token": "at", "token_type": "Bearer", "id_token": self._signed(told)}

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.algorithm == "none":
            return f"{_encoded({'alg': 'none'})}.{_encoded(claims)}."
        header = {"alg": self.algorithm, "kid": self.signs_with}
        if self.algorithm == "HS256":  # the published key taken for a shared secret
            signed = f"{_encoded(header)}.{_encoded(claims)}"
            mac = hmac.digest(rsa_key(self.signs_with).as_pem(private=False), signed.encode(), "sha256")
            return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        return jwt.encode(header, claims, rsa_key(self.signs_with), registry=JWSRegistry(algorithms=[self.algorithm]))


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _handler(provider: OidcProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            if parts.path == provider.broken:
                self._answer(500, {})
            elif parts.path == "/.well-known/openid-configuration":
                self._answer(200, provider.discovery())
            elif parts.path == "/keys":
                self._answer(200, provider.keys())
            elif parts.path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.send_response(303)
                self.send_header("Location", provider.authorize(query))
                self.end_headers()
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            if self.path == provider.broken:
                self._answer(500, {})
                return
            answer = provider.token(form, self.headers.get("Authorization", ""))
            self._answer(400 if answer is None else 200, answer or {"error": "invalid_grant"})

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests look at `asked`."""

    return Handler


@contextmanager
def running_provider(now: Callable[[], datetime]) -> Iterator[OidcProvider]:
    """A provider that listens on a port of its own until the end."""
    provider = OidcProvider(now=now)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
