"""A caller with a token: what a script would send."""

from typing import Any

from django.test import Client

from portal.directory.models import ApiToken, Person
from portal.directory.operations.api_tokens import create_token
from tests.world import as_actor

ALL_SCOPES = tuple(ApiToken.Scope.values)


def make_token(person: Person, *scopes: str) -> str:
    made = create_token(name="deploy script", scopes=scopes or ALL_SCOPES, days=7, actor=as_actor(person))
    return made.plain


def with_token(plain: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {plain}"}, raise_request_exception=False)


def caller(person: Person, *scopes: str) -> Client:
    return with_token(make_token(person, *scopes))


def send(client: Client, method: str, address: str, body: Any = None) -> Any:
    """Send JSON as a script does; returns the test client's response, whose `json()` is untyped."""
    content = {} if body is None and method in {"get", "head", "options"} else {"data": body or {}}
    kind = {"content_type": "application/json"} if content else {}
    return getattr(client, method)(address, **content, **kind)


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Assert that the response is this problem, in its whole form, and return it."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["type"] == f"urn:sallyport:problem:{code}"
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response["X-Request-Id"]
    return body
