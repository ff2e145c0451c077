"""The library's messages, filters and paths for a kind of resource: each a class that costs 50 ms to make.

The library holds what it made weakly, and would make it anew for every request.
"""

from functools import cache
from typing import Any

from scim2_models import PatchOp, Path, ScimFilter, SearchRequest


@cache
def search_requests(model: Any) -> type[SearchRequest[Any]]:
    return SearchRequest[model]


@cache
def patches(model: Any) -> "type[PatchOp[Any]]":  # the library refuses Any at run time
    made: type[PatchOp[Any]] = PatchOp.__class_getitem__(model)
    return made


@cache
def filters(model: Any) -> type[ScimFilter[Any]]:
    return ScimFilter.__class_getitem__(model)


@cache
def paths(model: Any) -> type[Path[Any]]:
    return Path.__class_getitem__(model)
