"""Why an OpenID sign-in or logout is refused: the whole list, stable for logs and tests."""

from enum import StrEnum


class Reason(StrEnum):
    """The reason that `brokers.errors.SignInRejected` carries; its code reads `oidc.<reason>`."""

    # The answer to the authorization request, and the exchange of its code (brokers.oidc.exchange).
    RESPONSE_ISSUER = (
        "response_issuer"  # the `iss` parameter is missing where announced, or another provider's
    )
    CODE = "code"  # refused at the token endpoint: swapped, used, too old, or another verifier's
    TOKENS = "tokens"  # no ID token in the answer, or one that is no text

    # Before any signature is verified (brokers.oidc.signature).
    SIZE = "size"
    MALFORMED = "malformed"  # not three parts of base64url with JSON objects
    TYPE = "type"  # a token of another type: an access token, a logout token
    HEADER = "header"  # jku, x5u, jwk, x5c, crit or b64: a token doesn't say how to trust it
    ALGORITHM = "algorithm"  # none, symmetric, or not on the list
    KEY = "key"  # no key of the provider has that name and fits the algorithm

    SIGNATURE = "signature"

    # What the verified claims say (brokers.oidc.claims).
    ISSUER = "issuer"
    AUDIENCE = "audience"
    AUTHORIZED_PARTY = "authorized_party"
    EXPIRY = "expiry"
    NOT_BEFORE = "not_before"
    ISSUED_AT = "issued_at"
    NONCE = "nonce"
    ACCESS_TOKEN_HASH = "access_token_hash"  # noqa: S105  # a reason, not a secret
    SUBJECT = "subject"
    AUTH_TIME = "auth_time"
    CLAIMS = "claims"  # refused by Authlib for a claim that has no name here
    USERINFO_SUBJECT = "userinfo_subject"

    # A logout token's own (OpenID Connect Back-Channel Logout 1.0, section 2.6).
    EVENTS = "events"
    TOKEN_ID = "token_id"  # noqa: S105  # a reason, not a secret
    SESSION = "session"  # names neither a subject nor a session
