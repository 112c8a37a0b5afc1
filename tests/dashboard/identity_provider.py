"""A small OpenID Connect provider, real on the wire: discovery, codes with PKCE, signed identity tokens."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.servers import free_ports

CLIENT_ID, CLIENT_SECRET = "steelyard", "a-secret-of-the-client"


@dataclass
class Provider:
    """Whoever comes is signed in at once, as the person that `claims` describe."""

    url: str
    claims: dict[str, Any]
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}))

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    async def _discovery(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        code = secrets.token_hex(8)
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 302)

    async def _token(self, request: Request) -> Response:
        sent = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        client = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        asked = self.codes.pop(sent["code"], None)
        if asked is None or unquote(client) != f"{CLIENT_ID}:{CLIENT_SECRET}" or "code_verifier" not in sent:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        identity = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "1",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, identity, self.key)
        return JSONResponse(
            {"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": signed}
        )

    async def _keys(self, request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})


@contextlib.contextmanager
def provider(**claims: Any) -> Iterator[Provider]:
    """Run one on a free port."""
    (port,) = free_ports(1)
    running = Provider(f"http://127.0.0.1:{port}", claims)
    server = uvicorn.Server(uvicorn.Config(running.app(), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield running
    server.should_exit = True
    thread.join(timeout=10)
