"""OpenID Connect (authorization code with PKCE): the steps to a provider, and what is believed of its answers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
import orjson
from authlib.common.security import generate_token  # type: ignore[import-untyped]  # it has no types
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from router.ports import Clock
from router.settings.console import OidcSettings

WELL_KNOWN: Final = "/.well-known/openid-configuration"
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a key that only the provider has. “none” and those with a shared secret are not among them."""
ANSWER_BYTES: Final = 2**20
LEEWAY: Final = 60  # seconds that two clocks may differ
METADATA_FOR: Final = timedelta(hours=1)
KEYS_AT_MOST_EVERY: Final = timedelta(seconds=60)
SECRET_CHARS: Final = 48


class Untrue(Exception):
    """What came from the provider, or from the browser in its name, cannot be believed."""


class ProviderAway(Exception):
    """The provider cannot be reached, or answers nonsense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One sign-in on its way, kept in the browser's cookie: what the answer has to fit."""

    state: str
    nonce: str
    verifier: str


def new_flow() -> Flow:
    return Flow(
        state=generate_token(SECRET_CHARS), nonce=generate_token(SECRET_CHARS), verifier=generate_token(SECRET_CHARS)
    )


class Provider:
    """One provider. Remembers its metadata for an hour, and its keys until one is missing."""

    def __init__(
        self, settings: OidcSettings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._transport = transport
        self._lock = asyncio.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._read_at: datetime | None = None
        self._keys: KeySet | None = None
        self._keys_at: datetime | None = None

    async def authorization_address(self, flow: Flow, *, redirect: str) -> str:
        """Where the browser is sent. Raises ProviderAway."""
        metadata = await self._known()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect,
            "scope": " ".join(self._settings.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": create_s256_code_challenge(flow.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = metadata["authorization_endpoint"]
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def claims(self, code: str, flow: Flow, *, redirect: str, issuer: str = "") -> Mapping[str, Any]:
        """The claims of the ID token that a code is worth. `issuer` is who says to have given it (RFC 9207).

        Raises ProviderAway, and Untrue when anything does not fit.
        """
        if issuer and issuer != self._settings.issuer:
            raise Untrue("the answer names another issuer")
        metadata = await self._known()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": flow.verifier,
            "client_id": self._settings.client_id,
        }
        answer = await self._asked(metadata["token_endpoint"], form=form)
        given = answer.get("id_token")
        if not isinstance(given, str):
            raise Untrue("there is no ID token")
        return await self._believed(given, answer.get("access_token"), flow)

    async def _believed(self, given: str, access_token: object, flow: Flow) -> Mapping[str, Any]:
        token = await self._decoded(given)
        options = {
            "iss": {"essential": True, "values": [self._settings.issuer]},
            "aud": {"essential": True, "values": [self._settings.client_id]},
            "sub": {"essential": True},
            "exp": {"essential": True},
            "iat": {"essential": True},
            "nonce": {"essential": True},
        }
        params = {"nonce": flow.nonce, "client_id": self._settings.client_id}
        if isinstance(access_token, str):
            params["access_token"] = access_token
        try:
            claims = CodeIDToken(token.claims, token.header, options, params)
            claims.validate(now=int(self._clock.now().timestamp()), leeway=LEEWAY)
        except (JoseError, ValueError, TypeError) as problem:
            raise Untrue(str(problem)) from problem
        if not isinstance(token.claims["sub"], str) or not token.claims["sub"]:
            raise Untrue("the subject is no text")
        return token.claims

    async def _decoded(self, given: str) -> jwt.Token:
        metadata = await self._known()
        named = metadata.get("id_token_signing_alg_values_supported", ["RS256"])
        registry = JWSRegistry(algorithms=[each for each in ALGORITHMS if each in named], strict_check_header=False)
        try:
            try:
                return jwt.decode(given, key=await self._known_keys(), registry=registry)
            except InvalidKeyIdError:  # the provider has a new key
                return jwt.decode(given, key=await self._known_keys(anew=True), registry=registry)
        except (JoseError, ValueError, TypeError) as problem:
            raise Untrue(str(problem)) from problem

    async def _known(self) -> Mapping[str, Any]:
        async with self._lock:
            now = self._clock.now()
            if self._read_at is None or not timedelta(0) <= now - self._read_at < METADATA_FOR:
                told = await self._asked(self._settings.issuer.rstrip("/") + WELL_KNOWN)
                if told.get("issuer") != self._settings.issuer:
                    raise ProviderAway("the metadata names another issuer")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    self._check_address(told.get(name))
                self._metadata, self._read_at = told, now
            return self._metadata

    async def _known_keys(self, *, anew: bool = False) -> KeySet:
        metadata = await self._known()
        async with self._lock:
            now = self._clock.now()
            fresh = self._keys_at is not None and timedelta(0) <= now - self._keys_at < KEYS_AT_MOST_EVERY
            if self._keys is None or (anew and not fresh):
                told = await self._asked(metadata["jwks_uri"])
                try:
                    self._keys, self._keys_at = KeySet.import_key_set({"keys": told["keys"]}), now
                except (JoseError, KeyError, ValueError, TypeError) as problem:
                    raise ProviderAway("the provider's keys cannot be read") from problem
            return self._keys

    def _check_address(self, given: object) -> None:
        own = urlsplit(self._settings.issuer)
        parts = urlsplit(given) if isinstance(given, str) else None
        if parts is None or not parts.netloc or parts.scheme not in ("https", own.scheme):
            raise ProviderAway("the metadata lacks an endpoint")

    async def _asked(self, address: str, *, form: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        secret = self._settings.client_secret.get_secret_value()
        auth = httpx.BasicAuth(quote(self._settings.client_id), quote(secret)) if form is not None and secret else None
        try:
            async with (
                httpx.AsyncClient(timeout=self._settings.patience_seconds, transport=self._transport) as client,
                client.stream(
                    "GET" if form is None else "POST",
                    address,
                    data=form,
                    auth=auth if auth is not None else httpx.USE_CLIENT_DEFAULT,
                    headers={"Accept": "application/json"},
                ) as answer,
            ):
                content = bytearray()
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > ANSWER_BYTES:
                        raise ProviderAway("the provider's answer is too large")
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise ProviderAway(f"{type(problem).__name__}: {problem}") from problem
        return _read(answer.status_code, bytes(content), refusal=form is not None)


def _read(status: int, content: bytes, *, refusal: bool) -> Mapping[str, Any]:
    """JSON of a good answer. Of the token's endpoint a 4xx says that the code is not good."""
    if refusal and 400 <= status < 500:
        raise Untrue(f"the provider refuses the code (HTTP {status})")
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError:
        told = None
    if status != 200 or not isinstance(told, dict):
        raise ProviderAway(f"the provider answers with HTTP {status}")
    return told
