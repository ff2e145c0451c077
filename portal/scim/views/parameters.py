"""What an address asks for beside the resource: which attributes, and which page."""

from typing import Any

from django.http import HttpRequest
from scim2_models import ResponseParameters, SearchRequest

from portal.scim.listing import PARAMETERS, search_request


def asked_query(request: HttpRequest, model: Any) -> SearchRequest[Any]:
    """Return the query in the address. Raises what `error_answer` knows."""
    return search_request({name: request.GET[name] for name in PARAMETERS if name in request.GET}, model)


def asked_attributes(request: HttpRequest, model: Any) -> ResponseParameters[Any] | None:
    """Return which attributes the answer shall have (RFC 7644, 3.9); None: the usual ones."""
    told = {name: request.GET[name] for name in ("attributes", "excludedAttributes") if name in request.GET}
    return attributes_of(search_request(told, model))


def attributes_of(wanted: SearchRequest[Any]) -> ResponseParameters[Any] | None:
    return wanted if wanted.attributes or wanted.excluded_attributes else None
