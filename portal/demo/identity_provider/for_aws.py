"""What the identity provider says to AWS: assertions that nobody asked for, and ID tokens.

No password is asked, as everywhere here: who asks names the person. That is what a signed-in browser would get from
a company's own provider, and it is what the demo's applications and the tests begin with.

    POST /aws/assertion  {"person": "ben", "roles": ["ROLE_ARN,PROVIDER_ARN"]}   -> {"SAMLResponse": "..."}
    POST /aws/id-token   {"person": "ben", "audience": "harbor-cameras"}         -> {"id_token": "..."}

Both also take forms. More of the assertion: `session_name` (else the person's e-mail address), `session_seconds`
(the console's SessionDuration). More of the token: `nonce`, `lives` (seconds, 300 unless told).
"""

import json
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from portal.demo.identity_provider.keys import SigningKey
from portal.demo.identity_provider.people import BY_KEY, Person
from portal.demo.identity_provider.request import AuthnRequest, ServiceProvider
from portal.demo.identity_provider.response import saml_response

# IAM User Guide, "Configure SAML assertions for the authentication response".
AWS = ServiceProvider("urn:amazon:webservices", "https://signin.aws.amazon.com/saml")
ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
LIVES_S = 300
LONGEST_S = 24 * 3600
TEXT = re.compile(r"[!-~]{1,255}")
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "content-type"}


class ForAws:
    """Handlers. `issuer`: this provider's address, the `iss` of its ID tokens; `entity_id`: its name in SAML."""

    def __init__(self, *, issuer: str, entity_id: str, key: SigningKey) -> None:
        self.issuer, self.entity_id, self.key = issuer, entity_id, key
        self.signing = RSAKey.import_key(key.private_key.decode(), {"use": "sig", "alg": "RS256"})
        self.kid = self.signing.thumbprint()

    def routes(self) -> list[web.RouteDef]:
        doors = {"/aws/assertion": self.assertion, "/aws/id-token": self.id_token}
        return [
            web.get("/.well-known/openid-configuration", self.configuration),
            web.get("/jwks", self.jwks),
            *(web.post(path, door) for path, door in doors.items()),
            *(web.options(path, self.preflight) for path in doors),
        ]

    async def preflight(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=204, headers=CORS | {"Access-Control-Allow-Methods": "POST"})

    async def configuration(self, _: web.Request) -> web.StreamResponse:
        """Answer as OpenID Connect Discovery 1.0, section 3, wants. `code_flow.py` is behind the endpoints."""
        return _answer(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "response_types_supported": ["code", "id_token"],
                "token_endpoint_auth_methods_supported": ["none"],
                "code_challenge_methods_supported": ["S256"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def jwks(self, _: web.Request) -> web.StreamResponse:
        return _answer({"keys": [{**self.signing.as_dict(private=False), "kid": self.kid}]})

    async def assertion(self, request: web.Request) -> web.StreamResponse:
        given = await _read(request)
        person = _person(given)
        roles = given.get("roles", [])
        attributes: dict[str, Iterable[str]] = {
            f"{ATTRIBUTES}Role": [roles] if isinstance(roles, str) else [str(each) for each in roles],
            f"{ATTRIBUTES}RoleSessionName": [str(given.get("session_name") or person.email)],
        }
        if given.get("session_seconds"):
            attributes[f"{ATTRIBUTES}SessionDuration"] = [str(given["session_seconds"])]
        unasked = AuthnRequest("", AWS)
        text = saml_response(person, unasked, issuer=self.entity_id, key=self.key, attributes=attributes)
        return _answer({"SAMLResponse": text})

    async def id_token(self, request: web.Request) -> web.StreamResponse:
        given = await _read(request)
        audience, nonce, lives = (str(given.get(name, "")) for name in ("audience", "nonce", "lives"))
        if not TEXT.fullmatch(audience) or not re.fullmatch("[0-9]{0,5}", lives):
            raise web.HTTPBadRequest(
                text="audience is missing, or lives is no number of seconds", headers=CORS
            )
        more = {"nonce": nonce} if nonce else {}
        return _answer(
            {"id_token": self.sign(_person(given), audience, min(int(lives or LIVES_S), LONGEST_S), more)}
        )

    def sign(self, person: Person, audience: str, lives: int, more: Mapping[str, Any]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": person.name_id,
            "aud": audience,
            "iat": now,
            "exp": now + lives,
            "jti": secrets.token_hex(16),
            "email": person.email,
            "email_verified": True,
            "name": person.display_name,
            "groups": list(person.groups),
            **more,
        }
        return jwt.encode({"alg": "RS256", "kid": self.kid}, claims, self.signing, algorithms=["RS256"])


async def _read(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        form = await request.post()
        return {name: value for name, value in form.items() if isinstance(value, str)}
    try:
        found = json.loads(await request.text())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(text="The request is no JSON object", headers=CORS)
    return found


def _person(given: Mapping[str, Any]) -> Person:
    person = BY_KEY.get(str(given.get("person", "")))
    if person is None:
        raise web.HTTPBadRequest(text="Nobody was chosen", headers=CORS)
    return person


def _answer(content: Mapping[str, Any]) -> web.Response:
    return web.json_response(content, headers=CORS | {"Cache-Control": "no-store"})
