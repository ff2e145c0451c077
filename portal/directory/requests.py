"""Who acts in a request, for the operations and their audit rows: shared by the pages, the API and the admin."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from portal.directory.models import Person
from portal.kernel.actor import Actor, ActorKind

# The session's keys, which `portal.web.signing_in` writes.
FACTOR_AT = "factor_at"
SIGNED_IN_AT = "signed_in_at"


def client_ip(request: HttpRequest) -> str | None:
    """Return the client's address: the last hop that isn't one of our own TRUSTED_PROXIES, never what it claims."""
    told = str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
    hops = [hop.strip() for hop in told.split(",") if hop.strip()]
    trusted: int = settings.TRUSTED_PROXIES
    if trusted and len(hops) >= trusted:
        return hops[-trusted]
    return str(request.META.get("REMOTE_ADDR") or "") or None


def actor_of(request: HttpRequest, *, kind: ActorKind = ActorKind.PERSON) -> Actor:
    """Return the signed-in person as the actor; without one, nobody from that address."""
    user: Person | AnonymousUser = request.user
    person = user if isinstance(user, Person) else None
    return Actor(
        kind=kind if person else ActorKind.NOBODY,
        label=person.name if person else "nobody",
        person_id=person.id if person else None,
        ip=client_ip(request),
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
        request_id=request.META.get("sallyport.request_id", ""),
        factor_at=_moment(request, FACTOR_AT) if person else None,
        signed_in_at=_moment(request, SIGNED_IN_AT) if person and kind == ActorKind.PERSON else None,
    )


def _moment(request: HttpRequest, key: str) -> datetime | None:
    session = getattr(request, "session", None)
    told = session.get(key) if session is not None else None
    return datetime.fromisoformat(told) if told else None
