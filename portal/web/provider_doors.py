"""Who may look at identity providers, and who may act on them: superusers alone, as they could make anybody anyone."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpResponse

from portal.directory.models import Person
from portal.directory.provider_queries import KnownThere, known_provider
from portal.kernel.errors import ForbiddenError, NotFoundError
from portal.web.guard import PersonRequest

P = ParamSpec("P")
View = Callable[Concatenate[PersonRequest, P], HttpResponse]


def sees_providers(person: Person) -> bool:
    return person.may("directory.view_identityprovider")


def may_act(person: Person) -> bool:
    return sees_providers(person) and person.is_superuser


def check_sees(person: Person) -> None:
    if not sees_providers(person):
        raise ForbiddenError("This page is for those who look after identity providers.")


def found(person: Person, slug: str) -> KnownThere:
    """Return the provider for somebody who may see it. Raises NotFoundError for everybody else."""
    if not sees_providers(person):
        raise NotFoundError("There is no such identity provider.")
    return known_provider(slug)


def for_superusers(view: View[P]) -> View[P]:
    """Let act whoever may: an admin who may look is told so, to others there is nothing here."""

    @wraps(view)
    def guarded(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not sees_providers(request.user):
            raise NotFoundError("There is no such identity provider.")
        if not may_act(request.user):
            raise ForbiddenError("Only superusers change identity providers: they could make anybody anyone.")
        return view(request, *args, **kwargs)

    return guarded
