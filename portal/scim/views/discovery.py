"""What this service can do (RFC 7644, 4): the same for all providers but for the addresses."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from scim2_models import Context, Resource

from portal.kernel.errors import NotFoundError
from portal.scim.answers import answer
from portal.scim.door import Call, View, door
from portal.scim.errors import RefusedError
from portal.scim.resources import RESOURCE_TYPES, SERVICE, service_config
from portal.scim.views.queries import list_answer

NOTHING = "There is nothing at this address."


def _config(call: Call) -> HttpResponse:
    return answer(_written(call, service_config(), "ServiceProviderConfig", ""))


def _all(found: Sequence[Resource[Any]], kind: str) -> View:
    def respond(call: Call) -> HttpResponse:
        if "filter" in call.request.GET:
            # So that nobody takes an unfiltered answer for a filtered one (RFC 7644, 4).
            raise RefusedError(403, f"/{kind}s takes no filter.")
        bodies = [_written(call, one, kind, f"s/{one.id}") for one in found]
        return list_answer(bodies, total=len(bodies), start=1)

    return respond


def _one(found: Sequence[Resource[Any]], kind: str) -> View:
    def respond(call: Call, name: str) -> HttpResponse:
        for one in found:
            if str(one.id) == name:
                return answer(_written(call, one, kind, f"s/{one.id}"))
        raise NotFoundError(NOTHING)

    return respond


def _written(call: Call, model: Resource[Any], kind: str, rest: str) -> dict[str, Any]:
    body = model.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    return {**body, "meta": {"resourceType": kind, "location": f"{call.base}/{kind}{rest}"}}


def _unsupported(call: Call, **_: str) -> HttpResponse:
    del call
    raise RefusedError(501, "This service has no bulk operations and no /Me: see /ServiceProviderConfig.")


def _nothing(call: Call, **_: str) -> HttpResponse:
    del call
    raise NotFoundError(NOTHING)


def _whatever(respond: View) -> View:
    return door(**dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), respond))


config = door(GET=_config)
resource_types = door(GET=_all(RESOURCE_TYPES, "ResourceType"))
resource_type = door(GET=_one(RESOURCE_TYPES, "ResourceType"))
schemas = door(GET=_all(SERVICE.schemas, "Schema"))
schema = door(GET=_one(SERVICE.schemas, "Schema"))
unsupported = _whatever(_unsupported)
nothing = _whatever(_nothing)
