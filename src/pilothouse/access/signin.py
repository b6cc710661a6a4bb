"""Sign-in to the console through an OpenID provider: authorization code with PKCE, state and nonce.

OpenID Connect Core 1.0 (section 3.1), RFC 7636 (PKCE), RFC 9207 (issuer in the answer). Keeps no state: what must be
remembered between the two requests is in a signed cookie of the browser that began.
"""

import base64
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus

from pilothouse.access.oidc import LEEWAY, Issuer, subjects_of
from pilothouse.access.sessions import Sessions
from pilothouse.errors import ConfigError, Forbidden, MissingExtra, Unauthenticated
from pilothouse.types import Json

__all__ = ["CALLBACK", "Begun", "SignIn"]

CALLBACK = "/console/login/callback"
"""The path to which the provider sends people back; PILOTHOUSE_PUBLIC_URL stands before it."""

_PATIENCE = 600.0  # seconds for a person to sign in at the provider
_CODE = re.compile(r"[A-Za-z0-9_.]{1,64}")


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the cookie that it must bring back."""

    url: str
    cookie: str


class SignIn:
    """The console as a client of `issuer`. `public_url` is this server's address as browsers know it.

    Raises MissingExtra without the extra `oidc`.
    """

    def __init__(
        self, issuer: Issuer, client_id: str, client_secret: str | None, public_url: str, sessions: Sessions
    ) -> None:
        try:
            import authlib.oidc.core  # type: ignore[import-untyped]  # noqa: F401, PLC0415 - an extra
        except ModuleNotFoundError:
            raise MissingExtra("Sign-in by OpenID Connect", "oidc") from None
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = public_url.rstrip("/") + CALLBACK
        self._sessions = sessions

    async def begin(self, target: str) -> Begun:
        """Start a sign-in that ends at the page `target`."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]  # noqa: PLC0415
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # noqa: PLC0415

        metadata = await self._issuer.metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        note = json.dumps({"state": state, "nonce": nonce, "verifier": verifier, "target": target})
        cookie = self._sessions.note(note, _PATIENCE)
        if cookie is None:
            raise ConfigError("Sign-in needs a master key to sign sessions with. Set PILOTHOUSE_MASTER_KEY.")
        url = prepare_grant_uri(
            metadata["authorization_endpoint"], self._client_id, "code", self._redirect_uri, "openid email", state,
            nonce=nonce, code_challenge=create_s256_code_challenge(verifier), code_challenge_method="S256",
        )  # fmt: skip
        return Begun(url, cookie)

    async def finish(self, cookie: str, answer: Mapping[str, str]) -> tuple[str, str]:
        """The session of the member whom the provider sent back with `answer`, and the page to go on to.

        Raises Unauthenticated when the answer is not one to a sign-in that this browser began, or its token does not
        hold; Forbidden when the provider refused, or the person is no member who may look.
        """
        note = self._noted(cookie, answer)
        metadata = await self._issuer.metadata()
        if answer.get("iss", metadata["issuer"]) != metadata["issuer"]:
            raise Unauthenticated("The answer is of another provider. Sign in again.")
        if "code" not in answer:
            said = answer.get("error", "")
            raise Forbidden(f"The provider refused: {said if _CODE.fullmatch(said) else 'no reason given'}.")
        tokens = await self._redeem(metadata, answer["code"], note["verifier"])
        claims = await self._identity(tokens, note["nonce"])
        subjects = subjects_of(claims)
        found = next((session for name in subjects if (session := self._sessions.session_of(name))), None)
        if found is None:
            raise Forbidden(f"'{subjects[-1]}' may not look at this console. An administrator lets people in.")
        return found, note["target"]

    def _noted(self, cookie: str, answer: Mapping[str, str]) -> dict[str, str]:
        text = self._sessions.noted(cookie)
        note: dict[str, str] = {} if text is None else json.loads(text)
        if not note or not hmac.compare_digest(note["state"].encode(), answer.get("state", "").encode()):
            raise Unauthenticated("This sign-in was not begun here, or too long ago. Sign in again.")
        return note

    async def _redeem(self, metadata: Json, code: str, verifier: str) -> Json:
        """Trade the code for tokens. The client names itself as the provider likes it, by Basic unless it says no."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }  # fmt: skip
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        headers = {}
        if self._client_secret is not None and "client_secret_basic" in methods:
            named = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret)}"  # RFC 6749, 2.3.1
            headers["authorization"] = f"Basic {base64.b64encode(named.encode()).decode()}"
        else:
            form["client_id"] = self._client_id
            form |= {"client_secret": self._client_secret} if self._client_secret is not None else {}
        status, tokens = await self._issuer.post(metadata["token_endpoint"], form, headers)
        if status != 200 or not isinstance(tokens.get("id_token"), str):
            said = str(tokens.get("error", ""))
            raise Unauthenticated(f"The provider gave no token ({said if _CODE.fullmatch(said) else status}).")
        return tokens

    async def _identity(self, tokens: Json, nonce: str) -> Json:
        """The claims of the ID token: besides signature, issuer, audience and times also nonce, azp and at_hash."""
        from authlib.oidc.core import CodeIDToken  # noqa: PLC0415 - an extra
        from joserfc.errors import JoseError  # noqa: PLC0415

        header, claims = await self._issuer.claims(tokens["id_token"], self._client_id)
        expected = {"nonce": nonce, "client_id": self._client_id, "access_token": tokens.get("access_token")}
        try:
            CodeIDToken(claims, header, params=expected).validate(now=int(self._issuer.clock()), leeway=LEEWAY)
        except (JoseError, ValueError, TypeError) as error:
            raise Unauthenticated(f"The provider's token does not hold: {error}.") from None
        return claims
