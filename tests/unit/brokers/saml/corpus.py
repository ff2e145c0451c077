"""The attack corpus: it only grows. Each attack says what refuses it, in order, and what happens without that.

`layers`: the checks that stand in its way, each with the reason that it gives. Whatever the first says is the
answer; with the first taken out the second answers, and so on; with all of them out the attack gets in (or, where
`then` names a reason, something that can't be taken out still stops it). `base` makes the accepted neighbour,
`attack` is what makes the difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brokers.saml import Reason
from brokers.types import SamlIdentity
from tests.saml_forge import Forge

Layer = tuple[str, Reason]


@dataclass(frozen=True)
class Attack:
    name: str
    layers: tuple[Layer, ...]
    attack: Mapping[str, Any]
    base: Mapping[str, Any] = field(default_factory=dict)
    idp: Mapping[str, Any] = field(default_factory=dict)  # changes to what is pinned, also for the neighbour
    then: Reason | None = None  # None: accepted
    gets: Mapping[str, object] = field(default_factory=dict)  # what is believed once all layers are out

    def neighbour(self) -> Forge:
        return Forge(**self.base)

    def forge(self, neighbour: Forge) -> Forge:
        return Forge(**{"request_id": neighbour.request_id, **self.base, **self.attack})

    def got(self, identity: SamlIdentity) -> bool:
        return all(getattr(identity, name) == value for name, value in self.gets.items())


def own(layer: str) -> Layer:
    """A check of ours: its reason is its name."""
    return layer, Reason(layer.partition(".")[2])
