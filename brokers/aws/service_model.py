"""Limits as botocore's service models have them: botocore itself enforces only minimums and required fields.

The models are read once, from the installed botocore's own files; no network, no credentials.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel
from botocore.regions import EndpointResolver

if TYPE_CHECKING:
    from botocore.model import Shape, StructureShape


@dataclass(frozen=True, slots=True)
class ModelLimit:
    """Minimum, maximum (length, number or count) and pattern of one field; None where it has none."""

    minimum: int | None
    maximum: int | None
    pattern: re.Pattern[str] | None

    @property
    def characters(self) -> str:
        return "" if self.pattern is None else f" of {self.pattern.pattern.rstrip('*+')}"


@cache
def limit_of(service: str, operation: str, member: str) -> ModelLimit:
    """Return the limit of an operation's input field; `Tags.Key` or (a map) `Logins.key` for what it holds.

    Patterns with Unicode properties (session tags) come back as None: Python's `re` can't read them.
    """
    shape = cast("Shape", _service(service).operation_model(operation).input_shape)
    for part in member.split("."):
        shape = _inside(shape, part)
    metadata = shape.metadata
    return ModelLimit(metadata.get("min"), metadata.get("max"), _pattern(metadata.get("pattern")))


def _inside(shape: "Shape", part: str) -> "Shape":
    if isinstance(shape, ListShape):
        shape = shape.member
    if isinstance(shape, MapShape):
        return shape.key if part == "key" else shape.value
    return cast("StructureShape", shape).members[part]


@cache
def sts_regions(partition: str) -> frozenset[str]:
    """Return the regions of a partition in which STS has an endpoint."""
    resolver = EndpointResolver(Loader().load_data("endpoints"))
    return frozenset(resolver.get_available_endpoints("sts", partition))


@cache
def endpoint_of(service: str, region: str, partition: str) -> tuple[str, str]:
    """Return AWS's own endpoint of a service, seen from a region, and the region to sign for (IAM's is fixed)."""
    found = EndpointResolver(Loader().load_data("endpoints")).construct_endpoint(service, region, partition)
    if found is None:  # pragma: no cover - the hub's region is one of its partition's
        raise LookupError(f"botocore knows no endpoint of {service} in {region}")
    return f"https://{found['hostname']}", found.get("credentialScope", {}).get("region", region)


@cache
def _service(name: str) -> ServiceModel:
    # The loader itself and no Session, which would read this machine's AWS profile and fail on a broken one.
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None or r"\p{" in text:
        return None
    # AWS's patterns are Java's, where \w and \d are ASCII unless told otherwise.
    return re.compile(text, re.ASCII)
