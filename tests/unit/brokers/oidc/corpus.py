"""Attacks on the ID token: each forged anew, with the check that refuses it. The list only grows.

`layers`: what stands in its way, each with the reason it gives; with all of them out it gets in, or `then` stops it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from brokers.oidc import Reason
from tests.oidc_forge import Forge, Signer, key_of, public_jwk

Layer = tuple[str, Reason]


@dataclass(frozen=True)
class Attack:
    """`claims` may hold functions of the forge; `keys` are what the provider publishes, also for the neighbour."""

    name: str
    layers: tuple[Layer, ...]
    claims: Mapping[str, Any] = field(default_factory=dict)
    signer: Callable[[Forge], Signer] | None = None
    neighbour: Mapping[str, Any] = field(default_factory=dict)
    neighbour_signer: Callable[[Forge], Signer] | None = None
    keys: tuple[Callable[[], dict[str, Any]], ...] = (lambda: public_jwk(key_of()),)
    fresh: bool = False
    then: Reason | None = None


def own(name: str, reason: Reason) -> tuple[Layer, ...]:
    return ((name, reason),)


def registered(reason: Reason) -> tuple[Layer, ...]:
    return own("claims.registered", reason)


def seconds(distance: int) -> Callable[[Forge], int]:
    return lambda _: int(time.time()) + distance


def signer(**fields: Any) -> Callable[[Forge], Signer]:
    return lambda _: Signer(**fields)


def header(**fields: Any) -> Callable[[Forge], Signer]:
    return signer(header=fields)
