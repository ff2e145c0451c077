"""Attacks on the ID token's header, its signature and the keys."""

from collections.abc import Callable
from typing import Any

from brokers.oidc import Reason
from tests.oidc_forge import Forge, Signer, key_of, public_jwk
from tests.unit.brokers.oidc.corpus import Attack, header, own, signer


def with_public_key_as_secret(alg: str) -> Callable[[Forge], Signer]:
    pem = key_of().as_pem(private=False)  # type: ignore[union-attr]  # an RSA key
    return signer(alg=alg, secret=pem)


def ec_jwk() -> dict[str, Any]:
    return public_jwk(key_of("second", "P-256"), "second")


def weak_jwk() -> dict[str, Any]:
    return public_jwk(key_of("weak", "RSA1024"))


ALGORITHM = (("signature._check_algorithm", Reason.ALGORITHM),)
HEADER = (("signature._check_headers", Reason.HEADER),)
OWN_JWK = public_jwk(key_of("attacker"), "first")

CORPUS: tuple[Attack, ...] = (
    Attack("alg none", ALGORITHM, signer=signer(alg="none", signature=b""), then=Reason.KEY),
    Attack("alg None, spelt otherwise", ALGORITHM, signer=signer(alg="nOnE", signature=b""), then=Reason.KEY),
    Attack(
        "alg HS256, by the public key", ALGORITHM, signer=with_public_key_as_secret("HS256"), then=Reason.KEY
    ),
    Attack(
        "alg HS256, by the client's secret",
        ALGORITHM,
        signer=signer(alg="HS256", secret=b"a secret: with+signs/of all kinds"),
        then=Reason.KEY,
    ),
    Attack(
        "alg that is no text", ALGORITHM, signer=lambda _: Signer(header={"alg": ["RS256"]}), then=Reason.KEY
    ),
    Attack(
        "alg of another kind of key",
        own("key", Reason.KEY),
        signer=signer(alg="ES256", key=key_of("x", "P-256")),
        then=Reason.SIGNATURE,
    ),
    Attack(
        "alg that the key isn't for",
        own("key", Reason.KEY),
        keys=(lambda: public_jwk(key_of(), alg="RS256"),),
        signer=signer(alg="RS512"),
        then=Reason.SIGNATURE,
    ),
    Attack(
        "a key for encryption",
        own("key", Reason.KEY),
        keys=(lambda: public_jwk(key_of()), lambda: public_jwk(key_of("enc"), "enc", use="enc")),
        signer=signer(key=key_of("enc"), kid="enc"),
        then=Reason.SIGNATURE,
    ),
    Attack(
        "a key that is too short",
        own("key", Reason.KEY),
        keys=(lambda: public_jwk(key_of(), "second"), weak_jwk),
        signer=signer(key=key_of("weak", "RSA1024"), kid="first"),
        neighbour_signer=signer(kid="second"),
        then=Reason.SIGNATURE,
    ),
    Attack("another's key", own("signature", Reason.SIGNATURE), signer=signer(key=key_of("attacker"))),
    Attack("no signature", own("signature", Reason.SIGNATURE), signer=signer(signature=b"")),
    Attack(
        "jwk: its own key",
        HEADER,
        signer=lambda _: Signer(key=key_of("attacker"), header={"jwk": OWN_JWK}),
        then=Reason.SIGNATURE,
    ),
    Attack("jku: where its key is", HEADER, signer=lambda f: Signer(header={"jku": f"{f.issuer}/evil"})),
    Attack(
        "x5u: where its certificate is", HEADER, signer=lambda f: Signer(header={"x5u": f"{f.issuer}/evil"})
    ),
    Attack("x5c: its own certificate", HEADER, signer=header(x5c=["MIIB"])),
    Attack("crit: rules of its own", HEADER, signer=header(crit=["exp"], exp=1), then=Reason.SIGNATURE),
    Attack("b64: an unencoded payload", HEADER, signer=header(b64=True)),
    Attack("kid as a path", own("key", Reason.KEY), signer=signer(kid="../../../../dev/null")),
    Attack("kid as an address", own("key", Reason.KEY), signer=lambda f: Signer(kid=f"{f.issuer}/evil")),
    Attack("kid as a statement", own("key", Reason.KEY), signer=signer(kid="x' UNION SELECT 'first'--")),
    Attack(
        "kid that is no text",
        own("signature._check_kid", Reason.MALFORMED),
        signer=signer(header={"kid": ["first"]}),
        then=Reason.KEY,
    ),
    Attack(
        "no kid where several keys fit",
        own("key", Reason.KEY),
        keys=(lambda: public_jwk(key_of()), lambda: public_jwk(key_of("other"), "other")),
        signer=signer(kid=None),
    ),
    Attack("an access token", own("signature._check_type", Reason.TYPE), signer=header(typ="at+jwt")),
    Attack(
        "a logout token's type", own("signature._check_type", Reason.TYPE), signer=header(typ="logout+jwt")
    ),
)
