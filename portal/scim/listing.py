"""Queries (RFC 7644, 3.4.2 and 3.4.3): filtered, sorted, and a page of it, by a fixed number of statements.

What the database can't decide or sort by itself is done here, for at most 2,000 candidates; beyond it is `tooMany`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import F, QuerySet
from scim2_models import Context, ScimFilter, SearchRequest, TooManyException

from portal.scim.bodies import check_text
from portal.scim.bound import filters, search_requests
from portal.scim.columns import sort_key
from portal.scim.errors import RefusedError
from portal.scim.filters import MOST_CHARACTERS, condition
from portal.scim.kinds import Kind, Row
from portal.scim.resources import MOST_RESULTS, POLICY

DEFAULT_RESULTS = 100
MOST_CANDIDATES = 2000
# Beyond any list there is, and within what a database takes as an offset.
LAST_INDEX = 2**31
PARAMETERS = ("filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes")


class Page(NamedTuple):
    total: int
    rows: Sequence[Any]


def search_request(told: Mapping[str, Any], model: Any) -> SearchRequest[Any]:
    """Return a query of resources of that model, bounded. Raises what `error_answer` knows."""
    for name, value in told.items():
        _check(name, value)
    wanted = search_requests(model).model_validate(
        dict(told), scim_ctx=Context.SEARCH_REQUEST, scim_policy=POLICY
    )
    wanted.start_index = min(wanted.start_index or 1, LAST_INDEX)
    wanted.count = DEFAULT_RESULTS if wanted.count is None else min(wanted.count, MOST_RESULTS)
    return wanted


def find(kind: Kind[Row], rows: QuerySet[Row], wanted: SearchRequest[Any], *, base: str) -> Page:
    """Return a page of `rows` (`start_index`, `count`), in a steady order.

    Raises:
        InvalidFilterException: the filter can't be worked out.
        TooManyException: too many would have to be looked at one by one.
    """
    filter_ = None if wanted.filter is None else filters(kind.model)(str(wanted.filter))
    found = None if filter_ is None else condition(filter_, kind.columns)
    if found is not None:
        rows = rows.filter(found.where)
    binding = wanted.sort_binding(kind.model)
    key = None if binding is None else sort_key(binding, kind.columns)
    begin, end = wanted.start_index_0 or 0, wanted.stop_index_0
    if (found is None or found.exact) and (binding is None or key is not None):
        total = rows.count()
        page = rows.order_by(*_order(wanted, key))[begin:end] if wanted.count and begin < total else []
        return Page(total, list(page))
    candidates = list(rows.order_by("created_at", "pk")[: MOST_CANDIDATES + 1])
    if len(candidates) > MOST_CANDIDATES:
        raise TooManyException(
            detail=f"More than {MOST_CANDIDATES} would have to be looked at one by one: narrow the filter by a name, "
            "an id or a time, or sort by userName, id or meta.created."
        )
    return _looked_at(kind, candidates, filter_, wanted, base=base)


def _looked_at(
    kind: Kind[Row],
    candidates: list[Row],
    filter_: ScimFilter[Any] | None,
    wanted: SearchRequest[Any],
    *,
    base: str,
) -> Page:
    """Filter and sort by looking at each."""
    with POLICY:
        models = kind.models(candidates, base)
        fitting = [model for model in models if filter_ is None or filter_.match(model)]
        ordered = wanted.sort(fitting)
    by_id = {str(row.pk): row for row in candidates}
    page = ordered[wanted.start_index_0 or 0 : wanted.stop_index_0]
    return Page(len(ordered), [by_id[str(model.id)] for model in page])


def _order(wanted: SearchRequest[Any], key: Any) -> list[Any]:
    """Return the order: what has no value comes last, or first when descending (RFC 7644, 3.4.2.3)."""
    steady = [F("created_at").asc(), F("pk").asc()]
    if key is None:
        return steady
    if wanted.sort_order == SearchRequest.SortOrder.descending:
        return [key.desc(nulls_first=True), *steady]
    return [key.asc(nulls_last=True), *steady]


def _check(name: str, value: Any) -> None:
    texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
    kind = "invalidFilter" if name.lower() == "filter" else "invalidValue"
    if sum(len(text) for text in texts) > MOST_CHARACTERS:
        raise RefusedError(400, f"{name} has at most {MOST_CHARACTERS} characters.", kind)
    for text in texts:
        check_text(text, kind)
