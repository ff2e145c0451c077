"""Attacks on what the ID token claims."""

from brokers.oidc import Reason
from tests.oidc_forge.tokens import at_hash
from tests.unit.brokers.oidc.corpus import Attack, own, registered, seconds

OTHER_ISSUER = "https://idp.other.test"

CORPUS: tuple[Attack, ...] = (
    Attack("another issuer", registered(Reason.ISSUER), {"iss": OTHER_ISSUER}),
    Attack("an issuer with a slash more", registered(Reason.ISSUER), {"iss": lambda f: f"{f.issuer}/"}),
    Attack("several issuers", registered(Reason.ISSUER), {"iss": lambda f: [f.issuer]}),
    Attack("no issuer", registered(Reason.ISSUER), {"iss": None}),
    Attack("another audience", registered(Reason.AUDIENCE), {"aud": "other"}),
    Attack(
        "another audience with a fitting azp",
        registered(Reason.AUDIENCE),
        {"aud": "other", "azp": "sallyport"},
    ),
    Attack(
        "other audiences with a fitting azp",
        registered(Reason.AUDIENCE),
        {"aud": ["other", "more"], "azp": "sallyport"},
    ),
    Attack("an audience that begins like ours", registered(Reason.AUDIENCE), {"aud": "sallyport2"}),
    Attack("no audience", registered(Reason.AUDIENCE), {"aud": None}),
    Attack("an empty audience", registered(Reason.AUDIENCE), {"aud": []}),
    Attack(
        "several audiences, for nobody",
        (*registered(Reason.AUTHORIZED_PARTY), ("claims.audience", Reason.AUTHORIZED_PARTY)),
        {"aud": ["sallyport", "other"]},
        neighbour={"aud": ["sallyport", "other"], "azp": "sallyport"},
    ),
    Attack(
        "several audiences, for the other",
        (*registered(Reason.AUTHORIZED_PARTY), ("claims.audience", Reason.AUTHORIZED_PARTY)),
        {"aud": ["sallyport", "other"], "azp": "other"},
        neighbour={"aud": ["sallyport", "other"], "azp": "sallyport"},
    ),
    Attack(
        "our audience, for another",
        registered(Reason.AUTHORIZED_PARTY),
        {"azp": "other"},
        neighbour={"azp": "sallyport"},
    ),
    Attack("no expiry", registered(Reason.EXPIRY), {"exp": None}, then=Reason.EXPIRY),
    Attack("expired", registered(Reason.EXPIRY), {"exp": seconds(-61)}, neighbour={"exp": seconds(-50)}),
    Attack("an expiry in words", registered(Reason.EXPIRY), {"exp": "9999999999"}, then=Reason.EXPIRY),
    Attack("an expiry beyond all calendars", own("moment", Reason.EXPIRY), {"exp": 10**300}),
    Attack(
        "not valid yet", registered(Reason.NOT_BEFORE), {"nbf": seconds(120)}, neighbour={"nbf": seconds(30)}
    ),
    Attack("never issued", registered(Reason.ISSUED_AT), {"iat": None}, then=Reason.ISSUED_AT),
    Attack(
        "issued in the future",
        registered(Reason.ISSUED_AT),
        {"iat": seconds(120)},
        neighbour={"iat": seconds(30)},
    ),
    Attack(
        "issued long ago",
        own("claims.age", Reason.ISSUED_AT),
        {"iat": seconds(-700)},
        neighbour={"iat": seconds(-600)},
    ),
    Attack("no nonce", registered(Reason.NONCE), {"nonce": None}),
    Attack("another nonce", registered(Reason.NONCE), {"nonce": "another"}),
    Attack(
        "another access token's hash",
        registered(Reason.ACCESS_TOKEN_HASH),
        {"access_token": "mine", "at_hash": at_hash("another")},
        neighbour={"access_token": "mine", "at_hash": at_hash("mine")},
    ),
    Attack(
        "no subject",
        (*registered(Reason.SUBJECT), ("claims.subject", Reason.SUBJECT)),
        {"sub": None},
        then=Reason.USERINFO_SUBJECT,
    ),
    Attack(
        "an empty subject",
        (*registered(Reason.SUBJECT), ("claims.subject", Reason.SUBJECT)),
        {"sub": ""},
        then=Reason.USERINFO_SUBJECT,
    ),
    Attack(
        "a subject with a space",
        own("claims.subject", Reason.SUBJECT),
        {"sub": "alice "},
        then=Reason.USERINFO_SUBJECT,
    ),
    Attack(
        "a look-alike's subject",
        own("claims.subject", Reason.SUBJECT),
        {"sub": "\u0430lice"},
        then=Reason.USERINFO_SUBJECT,
    ),
    Attack(
        "an invisible sign in the subject",
        own("claims.subject", Reason.SUBJECT),
        {"sub": "alice\u200b"},
        then=Reason.USERINFO_SUBJECT,
    ),
    Attack(
        "a subject that is too long",
        own("claims.subject", Reason.SUBJECT),
        {"sub": "a" * 256},
        then=Reason.USERINFO_SUBJECT,
    ),
    Attack(
        "asked anew, and doesn't say when",
        own("claims.auth_time", Reason.AUTH_TIME),
        {"auth_time": None},
        fresh=True,
    ),
    Attack(
        "asked anew, and was not",
        own("claims.auth_time", Reason.AUTH_TIME),
        {"auth_time": seconds(-120)},
        fresh=True,
    ),
    Attack(
        "signed in in the future",
        own("claims.auth_time", Reason.AUTH_TIME),
        {"auth_time": seconds(120)},
        neighbour={"auth_time": seconds(-7200)},
    ),
)
