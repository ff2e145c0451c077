"""Who acts in a request, for the operations and their audit rows: shared by the pages, the API and the admin."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from portal.directory.models import Person
from portal.kernel.actor import Actor, ActorKind

# The session's key for it.
FACTOR_AT = "factor_at"


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
        factor_at=_factor_at(request) if person else None,
    )


def _factor_at(request: HttpRequest) -> datetime | None:
    """Return when a second factor was given in this browser's session: `portal.web.signing_in` writes it there."""
    session = getattr(request, "session", None)
    told = session.get(FACTOR_AT) if session is not None else None
    return datetime.fromisoformat(told) if told else None
