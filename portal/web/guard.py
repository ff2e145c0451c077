"""Who may open a page: a person who is signed in, by name and not by chance."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portal.directory.models import Person
from portal.web.redirects import see_other

P = ParamSpec("P")


class PersonRequest(HttpRequest):
    """A request that `signed_in` let through."""

    user: Person


def signed_in(
    view: Callable[Concatenate[PersonRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Send everybody else to the sign-in page, which leads back here: to pages, never to a POST that was lost."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if isinstance(request.user, Person):
            return view(request, *args, **kwargs)  # type: ignore[arg-type]  # the line above is the proof
        return _to_sign_in(request)

    return guarded


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    sign_in = reverse("web:sign-in")
    if request.headers.get("HX-Request") == "true":
        # A redirect would put the sign-in page into the middle of the page that asks.
        return HttpResponse(headers={"HX-Redirect": sign_in})
    if request.method in {"GET", "HEAD"}:
        sign_in = f"{sign_in}?next={quote(request.get_full_path(), safe='/')}"
    return see_other(sign_in)


def zone_of(person: Person) -> ZoneInfo:
    """Return the person's own zone. A zone that this machine's data no longer has: UTC."""
    try:
        return ZoneInfo(person.time_zone)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def sees_all_grants(person: Person) -> bool:
    return any(person.may(f"access.{right}") for right in ("view_grant", "revoke_grant", "make_grant"))


def may_revoke(person: Person) -> bool:
    return person.may("access.revoke_grant")


def may_grant(person: Person) -> bool:
    return person.may("access.make_grant")


def operates(person: Person) -> bool:
    """Whether they look after what is under way: the operators' page is theirs."""
    return person.may("access.view_revocation") or person.may("access.revoke_grant")
