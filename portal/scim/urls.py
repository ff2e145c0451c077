"""Below /scim/v2/<provider>/ (RFC 7644, 3.2).

The views are imported at their first call: SCIM's models take a second and 40 MB, which an installation without SCIM
needs in no process.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

View = Callable[..., HttpResponse]


def late(module: str, view_of: Callable[[Any], View]) -> View:
    """Return a view that looks for the real one in `portal.scim.views.<module>` when it is first called."""

    @cache
    def found() -> View:
        return view_of(import_module(f"portal.scim.views.{module}"))

    @csrf_exempt  # its callers are programs with a token of their own; no cookie counts here
    def view(request: HttpRequest, **kwargs: str) -> HttpResponse:
        return found()(request, **kwargs)

    return view


app_name = "scim"
urlpatterns = [
    path("", late("queries", lambda views: views.root), name="root"),
    path(".search", late("queries", lambda views: views.search_root), name="search"),
    path("ServiceProviderConfig", late("discovery", lambda views: views.config), name="config"),
    path("ResourceTypes", late("discovery", lambda views: views.resource_types), name="resource-types"),
    path(
        "ResourceTypes/<str:name>", late("discovery", lambda views: views.resource_type), name="resource-type"
    ),
    path("Schemas", late("discovery", lambda views: views.schemas), name="schemas"),
    path("Schemas/<str:name>", late("discovery", lambda views: views.schema), name="schema"),
    path("Users", late("resources", lambda views: views.USER_RESOURCES.collection()), name="users"),
    path("Users/.search", late("queries", lambda views: views.searching(views.USERS)), name="users-search"),
    path(
        "Users/<str:resource_id>", late("resources", lambda views: views.USER_RESOURCES.single()), name="user"
    ),
    path("Groups", late("resources", lambda views: views.GROUP_RESOURCES.collection()), name="groups"),
    path(
        "Groups/.search", late("queries", lambda views: views.searching(views.GROUPS)), name="groups-search"
    ),
    path(
        "Groups/<str:resource_id>",
        late("resources", lambda views: views.GROUP_RESOURCES.single()),
        name="group",
    ),
    path("Bulk", late("discovery", lambda views: views.unsupported), name="bulk"),
    path("Me", late("discovery", lambda views: views.unsupported), name="me"),
    path("<path:rest>", late("discovery", lambda views: views.nothing), name="nothing"),
]
