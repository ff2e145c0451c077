"""Policies in one form, so that those that mean the same are the same.

IAM gives a list of one back as it came or as a text; order means nothing in lists and among statements; actions and
condition keys are read without regard to case; a bare account number as Principal is that account's root; a Sid says
nothing about rights. Source: IAM User Guide, "IAM JSON policy elements reference".
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from brokers.types import Partition

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_PLAIN = ("Action", "NotAction", "Resource", "NotResource")
_WHO = ("Principal", "NotPrincipal")

Words = frozenset[str]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as it is compared. `conditions`: by operator and key in small letters; values are alternatives."""

    effect: str
    elements: tuple[tuple[str, Words], ...]
    conditions: tuple[tuple[str, str, Words], ...]

    def of(self, element: str) -> Words | None:
        return dict(self.elements).get(element)


def statements_of(policy: Mapping[str, Any], partition: Partition) -> frozenset[Statement]:
    """Return what a policy says, fit for comparing."""
    return frozenset(_statement(each, partition) for each in _listed(policy.get("Statement", ())))


def same_policy(one: Mapping[str, Any], other: Mapping[str, Any], partition: Partition) -> bool:
    """Say whether two policies mean the same."""
    return version_of(one) == version_of(other) and statements_of(one, partition) == statements_of(
        other, partition
    )


def shown_form(policy: Mapping[str, Any], partition: Partition) -> Mapping[str, Any]:
    """Return a policy for whoever must compare it by eye: as it is, in one order, each value a sorted list."""
    shown = [_shown(each, partition) for each in _listed(policy.get("Statement", ()))]
    return {"Version": version_of(policy), "Statement": sorted(shown, key=_order)}


def version_of(policy: Mapping[str, Any]) -> str:
    """Return the version of the policy language; IAM takes 2008-10-17 where none is named."""
    return str(policy.get("Version", "2008-10-17"))


def _statement(found: Mapping[str, Any], partition: Partition) -> Statement:
    elements = []
    for name in (*_WHO, *_PLAIN):
        if name in found:
            words = _who(found[name], partition) if name in _WHO else _words(found[name])
            elements.append((name, frozenset(map(str.lower, words)) if name.endswith("Action") else words))
    conditions = {
        (operator, key.lower(), _words(values))
        for operator, tests in found.get("Condition", {}).items()
        for key, values in tests.items()
    }
    return Statement(str(found.get("Effect", "")), tuple(elements), tuple(sorted(conditions, key=str)))


def _shown(found: Mapping[str, Any], partition: Partition) -> Mapping[str, Any]:
    shown: dict[str, Any] = {name: found[name] for name in ("Sid", "Effect") if name in found}
    shown |= {name: sorted(_who(found[name], partition)) for name in _WHO if name in found}
    shown |= {name: sorted(_words(found[name])) for name in _PLAIN if name in found}
    if found.get("Condition"):
        shown["Condition"] = {
            operator: {key: sorted(_words(tests[key])) for key in sorted(tests)}
            for operator, tests in sorted(found["Condition"].items())
        }
    return shown


def _order(statement: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(statement.get("Effect")), str(statement.get("Sid", "")), json.dumps(statement, sort_keys=True)


def _who(found: Any, partition: Partition) -> Words:
    """Return principals as `AWS:arn…`; `*` alone is the same as every AWS principal in a trust policy."""
    kinds = {"AWS": found} if isinstance(found, str) else found
    return frozenset(
        f"{kind}:{_arn(word, partition) if kind == 'AWS' else word}"
        for kind, values in kinds.items()
        for word in _words(values)
    )


def _arn(word: str, partition: Partition) -> str:
    return f"arn:{partition}:iam::{word}:root" if _ACCOUNT.fullmatch(word) else word


def _words(values: Any) -> Words:
    return frozenset(_word(value) for value in _listed(values))


def _word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _listed(found: Any) -> Iterable[Any]:
    return found if isinstance(found, (list, tuple, set, frozenset)) else [found]
