"""The API's way in for people: tokens of a real OpenID provider over HTTP, and all that must not pass for one."""

import sys
import time
from base64 import b64encode
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import Engine

from pilothouse.access import Keys, Members, Tenants
from pilothouse.access.door import Door
from pilothouse.access.oidc import Issuer, TokenPeople, subjects_of
from pilothouse.access.shapes import TenantSettings
from pilothouse.config import Limits
from pilothouse.errors import ConfigError, Forbidden, MissingExtra, Overloaded, Unauthenticated
from pilothouse.principal import Principal

from .openid import AUDIENCE, CLIENT, USER, OpenIdProvider


class Clock:
    """Seconds since 1970, ahead of the real time by `ahead`."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(engine: Engine) -> Keys:
    Members(engine).put("default", "ada@acme.test", "editor")
    return Keys(engine)


@pytest.fixture
def people(keys: Keys, provider: OpenIdProvider, clock: Clock) -> TokenPeople:
    return TokenPeople(Issuer(provider.url, clock), AUDIENCE, keys, clock)


async def test_a_member_comes_in_by_a_token(people: TokenPeople, provider: OpenIdProvider) -> None:
    found = await people.principal(provider.token())
    assert (found.key_id, found.role, found.project_id) == ("member:ada@acme.test", "editor", "default")
    assert not found.everywhere
    assert await people.principal(provider.token(aud=["other", AUDIENCE])) is found


async def test_a_member_stands_on_the_levels_of_project_and_team(
    engine: Engine, keys: Keys, people: TokenPeople, provider: OpenIdProvider
) -> None:
    tenants = Tenants(engine)
    tenants.create("project", "shop", TenantSettings(name="Shop"))
    tenants.create("team", "ml", TenantSettings(name="ML", limits=Limits(parallel=1)), parent="shop")
    Members(engine).put("shop", "u-18", "viewer", "ml")
    keys.reload()
    found = await people.principal(provider.token(sub="u-18", email=None))
    assert [level.account for level in found.levels] == ["org:default", "project:shop", "team:shop/ml"]
    assert found.levels[-1].limits == Limits(parallel=1)


async def test_who_is_removed_is_out_although_the_token_holds(
    engine: Engine, keys: Keys, people: TokenPeople, provider: OpenIdProvider
) -> None:
    token = provider.token()
    await people.principal(token)
    Members(engine).put("default", "ada@acme.test", "viewer")
    keys.reload()
    assert (await people.principal(token)).role == "viewer"
    Members(engine).remove("default", "ada@acme.test")
    keys.reload()
    with pytest.raises(Forbidden, match=r"'ada@acme\.test' is no member"):
        await people.principal(token)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.test"}, {"aud": CLIENT}, {"aud": None}, {"aud": []}, {"iss": "https://evil.test"},
        {"iss": None}, {"sub": None}, {"exp": None}, {"exp": "soon"}, {"exp": 1_000_000_000},
        {"nbf": int(time.time()) + 3600}, {"exp": -1},
    ],
)  # fmt: skip
async def test_claims_that_do_not_hold(people: TokenPeople, provider: OpenIdProvider, claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match="does not hold"):
        await people.principal(provider.token(**claims))


async def test_clocks_may_differ_by_a_minute_and_no_more(
    people: TokenPeople, provider: OpenIdProvider, clock: Clock
) -> None:
    now = int(time.time())
    early, late = provider.token(nbf=now + 50, iat=now + 50), provider.token(exp=now - 50)
    for token in (early, late):
        await people.principal(token)
    clock.ahead = 15
    with pytest.raises(Unauthenticated, match="expired"):
        await people.principal(late)
    clock.ahead = -15
    with pytest.raises(Unauthenticated):
        await people.principal(provider.token(nbf=now + 50, jti="another"))


async def test_a_token_ends_although_it_was_verified_before(
    people: TokenPeople, provider: OpenIdProvider, clock: Clock
) -> None:
    token = provider.token(exp=int(time.time()) + 60)
    await people.principal(token)
    clock.ahead = 121
    with pytest.raises(Unauthenticated, match="expired"):
        await people.principal(token)


async def test_forged_tokens(people: TokenPeople, provider: OpenIdProvider) -> None:
    public = provider.key.as_pem(private=False)
    stranger = RSAKey.generate_key(2048, auto_kid=True)
    good = provider.token()
    head, body, signature = good.split(".")
    other = provider.token(email="eve@acme.test").split(".")[1]
    claims = {"iss": provider.url, "aud": AUDIENCE, "exp": int(time.time()) + 600, **USER}
    for forged in (
        provider.forged({"alg": "none"}, None),
        provider.forged({"alg": "None", "kid": provider.key.kid}, None),
        provider.forged({"alg": "HS256", "kid": provider.key.kid}, public),
        provider.forged({"alg": "HS256", "kid": "o"}, b"secret"),
        provider.forged({"alg": "RS256", "kid": provider.key.kid}, public),
        provider.forged({"alg": "RS256", "kid": "o"}, b"secret"),
        provider.forged({"alg": "ES256", "kid": provider.key.kid}, public),
        provider.forged({"alg": ["RS256"]}, None),
        provider.forged({"alg": "RS256", "kid": ["x"]}, None),
        provider.forged({}, None),
        jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims, stranger),
        jwt.encode({"alg": "RS256", "kid": stranger.kid, "jwk": stranger.as_dict(private=False)}, claims, stranger),
        f"{head}.{other}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        "eyJ.x.y",
        f"{b64encode(b'[' * 9000).decode()}.x.y",
        "eyJhbGciOiJSUzI1NiJ9..",
        f"{good}{'A' * 20_000}",
        "",
    ):
        with pytest.raises(Unauthenticated):
            await people.principal(forged)
    await people.principal(good)


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False}, {"email_verified": None}, {"email_verified": "true"}, {"email": "eve@acme.test"},
        {"email": None}, {"email": ["ada@acme.test"]}, {"email": None, "sub": "ada@acme.test"},
    ],
)  # fmt: skip
async def test_only_a_verified_address_counts(
    people: TokenPeople, provider: OpenIdProvider, claims: dict[str, Any]
) -> None:
    with pytest.raises(Forbidden, match="no member"):
        await people.principal(provider.token(**claims))


async def test_addresses_are_compared_in_lower_case(people: TokenPeople, provider: OpenIdProvider) -> None:
    assert (await people.principal(provider.token(email="Ada@Acme.test"))).name == "ada@acme.test"


def test_subjects() -> None:
    assert subjects_of({"sub": "1", "email": "A@b", "email_verified": True}) == ("1", "A@b", "a@b")
    assert subjects_of({"sub": "1", "email": "a@b", "email_verified": False}) == ("1",)
    assert subjects_of({"sub": "a@b"}) == ("sub:a@b",)


async def test_keys_are_fetched_once_and_again_for_one_that_is_new(
    people: TokenPeople, provider: OpenIdProvider, clock: Clock
) -> None:
    for n in range(3):
        await people.principal(provider.token(jti=str(n)))
    assert provider.fetched == ["/.well-known/openid-configuration", "/jwks"]
    old = provider.token(jti="old")
    provider.new_key()
    new = provider.token(jti="new")
    with pytest.raises(Unauthenticated):  # at most every ten seconds, so that made-up key ids cost nothing
        await people.principal(new)
    assert provider.fetched.count("/jwks") == 1
    clock.ahead = 11
    await people.principal(new)
    assert provider.fetched.count("/jwks") == 2
    with pytest.raises(Unauthenticated, match="not signed by"):
        await people.principal(old)
    clock.ahead = 3700
    await people.principal(provider.token(exp=int(time.time()) + 9999))
    assert provider.fetched.count("/jwks") == 3


async def test_a_token_is_verified_once(
    people: TokenPeople, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    claims = Issuer.claims

    async def counted(self: Issuer, token: str, audience: str) -> Any:
        verified.append(token)
        return await claims(self, token, audience)

    monkeypatch.setattr(Issuer, "claims", counted)
    token = provider.token()
    for _ in range(3):
        await people.principal(token)
    assert verified == [token]


async def test_a_provider_that_is_another_or_says_too_little(keys: Keys, provider: OpenIdProvider) -> None:
    provider.metadata = {"issuer": "https://evil.test"}
    with pytest.raises(Overloaded, match=r"says it is 'https://evil\.test'"):
        await TokenPeople(Issuer(provider.url), AUDIENCE, keys).principal(provider.token())
    with pytest.raises(Overloaded, match="answered 404"):
        await TokenPeople(Issuer(f"{provider.url}/tenant"), AUDIENCE, keys).principal(provider.token())


async def test_a_provider_that_is_away(keys: Keys, first_key: RSAKey) -> None:
    with OpenIdProvider(first_key) as gone:
        token = gone.token()
    with pytest.raises(Overloaded, match="cannot be read"):
        await TokenPeople(Issuer(gone.url), AUDIENCE, keys).principal(token)


async def test_the_door_takes_keys_and_tokens(keys: Keys, people: TokenPeople, provider: OpenIdProvider) -> None:
    secret, key = keys.create("app")
    door = Door(keys, people=people)

    async def admit(authorization: str | None) -> Principal:
        return await door.admit(authorization, endpoint="/v1/models", client_ip="127.0.0.1")

    assert await admit(f"Bearer {secret}") is key
    assert (await admit(f"bearer {provider.token()}")).name == "ada@acme.test"
    for wrong in (None, "Bearer ph-nobody", f"Basic {secret}", "Bearer a.b.c"):
        with pytest.raises(Unauthenticated, match="API key"):
            await admit(wrong)
    with pytest.raises(Unauthenticated, match="API key"):
        await Door(keys).admit(f"Bearer {provider.token()}", endpoint="/v1/models", client_ip="")


@pytest.mark.parametrize("url", ["http://id.acme.test", "ftp://id.acme.test", "id.acme.test", ""])
def test_a_provider_speaks_https(url: str) -> None:
    with pytest.raises(ConfigError, match="https://"):
        Issuer(url)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joserfc.jwt", None)
    with pytest.raises(MissingExtra, match=r"pilothouse\[oidc\]"):
        Issuer("https://id.acme.test")
