"""Values of policies that are read: what is wrong with them, what they allow, what they say of a call."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding about a policy is. An error is never overruled."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """What is wrong with a policy. `code` is stable; `where` names the statement; `advice` says what to do."""

    severity: Severity
    code: str
    where: str
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """What a policy lets somebody do in one service, by access level (List, Read, Write, Tagging, Permissions).

    `levels`: the actions by level, written out where the policy has wildcards, the first ones where there are many.
    `resources`: ARNs as the policy has them. `conditions`: in words.
    """

    service: str
    name: str
    levels: Mapping[str, tuple[str, ...]]
    resources: tuple[str, ...]
    conditions: tuple[str, ...] = ()


class Decision(StrEnum):
    """What policies say of one call."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicit_deny"
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True, slots=True)
class DeniedCall:
    """What an AWS error message says: who called what on which resource, and why AWS refused, as far as it tells."""

    error_code: str = ""
    caller_arn: str = ""
    action: str = ""
    resource: str = ""
    because: str = ""
