"""Lists: by GET, by POST to .search, of one kind or of both (RFC 7644, 3.4.2 and 3.4.3)."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from scim2_models import SearchRequest

from portal.scim.answers import answer
from portal.scim.door import Call, View, door
from portal.scim.errors import RefusedError
from portal.scim.kinds import GROUPS, USERS, Kind
from portal.scim.listing import PARAMETERS, find, search_request
from portal.scim.resources import Group, WholeUser
from portal.scim.views.parameters import asked_query, attributes_of

LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SEARCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


def query_of(call: Call, kind: Kind[Any]) -> HttpResponse:
    """Answer a query in the address."""
    return _page(call, kind, asked_query(call.request, kind.model))


def searching(kind: Kind[Any]) -> View:
    """Return the view of a kind's .search."""
    return door(POST=lambda call: _page(call, kind, search_request(_told(call), kind.model)))


def _page(call: Call, kind: Kind[Any], wanted: SearchRequest[Any]) -> HttpResponse:
    page = find(kind, kind.rows(call.provider), wanted, base=call.base)
    bodies = kind.write(page.rows, call.base, attributes_of(wanted)) if page.rows else []
    return list_answer(bodies, total=page.total, start=wanted.start_index or 1)


def _everything(call: Call, told: Mapping[str, Any]) -> HttpResponse:
    """Answer a query of both kinds: users first. An attribute that a kind lacks has no value there (3.4.2.1)."""
    wanted = search_request(told, WholeUser | Group)
    begin, room = (wanted.start_index or 1) - 1, wanted.count or 0
    total, bodies = 0, list[dict[str, Any]]()
    kinds: tuple[Kind[Any], ...] = (USERS, GROUPS)
    for kind in kinds:
        part = wanted.model_copy(
            update={"start_index": max(begin - total, 0) + 1, "count": room - len(bodies)}
        )
        page = find(kind, kind.rows(call.provider), part, base=call.base)
        if page.rows:
            bodies += kind.write(page.rows, call.base, attributes_of(wanted))
        total += page.total
    return list_answer(bodies, total=total, start=wanted.start_index or 1)


def _query_everything(call: Call) -> HttpResponse:
    given = call.request.GET
    return _everything(call, {name: given[name] for name in PARAMETERS if name in given})


def list_answer(bodies: Sequence[Mapping[str, Any]], *, total: int, start: int) -> HttpResponse:
    return answer(
        {
            "schemas": [LIST_SCHEMA],
            "totalResults": total,
            "startIndex": start,
            "itemsPerPage": len(bodies),
            "Resources": bodies,
        }
    )


def _told(call: Call) -> dict[str, Any]:
    told = call.body()
    schemas = next((value for key, value in told.items() if key.lower() == "schemas"), None)
    if schemas != [SEARCH_SCHEMA]:
        raise RefusedError(400, f"schemas is {SEARCH_SCHEMA} alone.", "invalidSyntax")
    return told


root = door(GET=_query_everything)
search_root = door(POST=lambda call: _everything(call, _told(call)))
