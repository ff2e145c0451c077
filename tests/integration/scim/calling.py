"""A SCIM client of one provider, as thin as it gets: what is sent is what the test says."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from portal.directory.models import IdentityProvider
from portal.identity.operations.scim_tokens import create_scim_token
from portal.kernel.actor import Actor
from tests.world import Answer

MEDIA_TYPE = "application/scim+json"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
SHELL = Actor.command("tests")


@dataclass
class Scim:
    """`scim.get("Users", filter="…")`, `scim.post("Users", {...})`: answers as they come."""

    provider: IdentityProvider
    token: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def path(self, rest: str) -> str:
        return f"/scim/v2/{self.provider.slug}/{rest}"

    def get(self, rest: str, /, *, headers: Any = None, **query: Any) -> Answer:
        return self.client.get(self.path(rest), query, headers=self._headers(headers))

    def post(self, rest: str, body: Any, **headers: str) -> Answer:
        return self._send("POST", rest, body, headers)

    def put(self, rest: str, body: Any, **headers: str) -> Answer:
        return self._send("PUT", rest, body, headers)

    def patch(self, rest: str, *operations: dict[str, Any], **headers: str) -> Answer:
        return self._send("PATCH", rest, {"schemas": [PATCH], "Operations": list(operations)}, headers)

    def delete(self, rest: str, **headers: str) -> Answer:
        return self.client.delete(self.path(rest), headers=self._headers(named(headers)))

    def user(self, user_name: str, /, **told: Any) -> dict[str, Any]:
        """Make a user and return it."""
        made = self.post("Users", {"schemas": [USER], "userName": user_name, **told})
        assert made.status_code == 201, made.content
        return dict(made.json())

    def group(self, name: str, /, *members: dict[str, Any], **told: Any) -> dict[str, Any]:
        """Make a group of these users and return it."""
        given = {
            "schemas": [GROUP],
            "displayName": name,
            "members": [{"value": one["id"]} for one in members],
        }
        made = self.post("Groups", {**given, **told})
        assert made.status_code == 201, made.content
        return dict(made.json())

    def names(self, **query: Any) -> list[str]:
        """Return the userNames that a query finds."""
        answer = self.get("Users", **query)
        assert answer.status_code == 200, answer.content
        return [one["userName"] for one in answer.json()["Resources"]]

    def _send(self, method: str, rest: str, body: Any, headers: dict[str, str]) -> Answer:
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.generic(
            method, self.path(rest), data, content_type=MEDIA_TYPE, headers=self._headers(named(headers))
        )

    def _headers(self, more: dict[str, str] | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **(more or {})}


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def scim_of(provider: IdentityProvider) -> Scim:
    made = create_scim_token(provider_id=provider.pk, name="Entra", days=1, actor=SHELL)
    return Scim(provider, made.plain)


def refused(answer: Answer, status: int, scim_type: str = "") -> str:
    """Assert a SCIM error (RFC 7644, 3.12) and return its sentence."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == MEDIA_TYPE
    body = answer.json()
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert body["status"] == str(status)
    assert body.get("scimType", "") == scim_type, body
    return str(body["detail"])
