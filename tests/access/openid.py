"""An OpenID provider: a real HTTP server with a discovery document, RS256 keys, PKCE and single-use codes."""

import base64
import hashlib
import hmac
import html
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET, AUDIENCE = "pilothouse", "s3cret/+ä", "https://api.acme.test"
USER = {"sub": "u-17", "email": "ada@acme.test", "email_verified": True}


def signing_key() -> RSAKey:
    """A new RSA key with an id of its own. Takes a tenth of a second."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


class OpenIdProvider:
    """Signs in `user`, without asking unless `asks`. Tests change its attributes to make it misbehave."""

    def __init__(self, key: RSAKey) -> None:
        self.user: dict[str, Any] = dict(USER)
        self.asks = False
        self.claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.answer: dict[str, str] = {}
        self.fetched: list[str] = []
        self.authorized: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._keys = [key]
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._get(self)

            def do_POST(self) -> None:
                provider._post(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def new_key(self, *, keep: bool = False) -> RSAKey:
        """Sign with a new key from now on; the one before is no longer shown unless kept."""
        self._keys = [signing_key(), *(self._keys if keep else [])]
        return self.key

    @property
    def key(self) -> RSAKey:
        return self._keys[0]

    def token(self, **claims: Any) -> str:
        """An access token for the API; a claim of None is left out."""
        now = int(time.time())
        whole = {"iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + 600, **self.user, **claims}
        whole = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, whole, self.key)

    def forged(self, header: dict[str, Any], secret: bytes | None, **claims: Any) -> str:
        """A token with this header, signed with HMAC, or not at all."""
        now = int(time.time())
        whole = {"iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + 600, **self.user, **claims}
        signed = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(whole).encode())}"
        mac = b"" if secret is None else hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{_b64(mac)}"

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        self.fetched.append(parts.path)
        if parts.path == "/.well-known/openid-configuration":
            _send(request, 200, {
                "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize", "jwks_uri": f"{self.url}/jwks",
                "token_endpoint": f"{self.url}/token", **self.metadata,
            })  # fmt: skip
        elif parts.path == "/jwks":
            shown: list[Any] = [key.as_dict(private=False) for key in self._keys]
            _send(request, 200, {"keys": [{"kty": "new-kind"}, {"kty": "oct", "k": "c2VjcmV0", "kid": "o"}, *shown]})
        elif parts.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self.authorized.append(asked)
            code = secrets.token_urlsafe(16)
            self._codes[code] = asked
            answer = {"code": code, "state": asked["state"], **self.answer}
            back = f"{asked['redirect_uri']}?{urlencode(answer)}"
            if self.asks:
                return _page(request, f'<h1>Acme</h1><a href="{html.escape(back)}">Go on as {self.user["email"]}</a>')
            request.send_response(302)
            request.send_header("location", back)
            request.send_header("content-length", "0")
            request.end_headers()
        else:
            _send(request, 404, {})
        return None

    def _post(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self._codes.pop(form.get("code", ""), None)
        if self._client(request, form) != (CLIENT, SECRET):
            return _send(request, 401, {"error": "invalid_client"})
        proof = _b64(hashlib.sha256(form["code_verifier"].encode()).digest())
        expected = None if asked is None else (asked["redirect_uri"], asked["code_challenge"], asked["client_id"])
        if expected != (form["redirect_uri"], proof, CLIENT):
            return _send(request, 400, {"error": "invalid_grant"})
        assert asked is not None
        access = secrets.token_urlsafe(16)
        half = _b64(hashlib.sha256(access.encode()).digest()[:16])
        claims = {"aud": CLIENT, "nonce": asked["nonce"], "at_hash": half, **self.claims}
        return _send(request, 200, {"access_token": access, "token_type": "Bearer", "id_token": self.token(**claims)})

    def _client(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> tuple[str, str]:
        scheme, _, basic = request.headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return form.get("client_id", ""), form.get("client_secret", "")
        name, _, secret = base64.b64decode(basic).decode().partition(":")
        return unquote(name.replace("+", " ")), unquote(secret.replace("+", " "))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _page(request: BaseHTTPRequestHandler, body: str) -> None:
    raw = f"<!doctype html><title>Acme</title><link rel=icon href='data:,'>{body}".encode()
    request.send_response(200)
    request.send_header("content-type", "text/html; charset=utf-8")
    request.send_header("content-length", str(len(raw)))
    request.end_headers()
    request.wfile.write(raw)


def _send(request: BaseHTTPRequestHandler, status: int, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    request.send_response(status)
    request.send_header("content-type", "application/json")
    request.send_header("content-length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
