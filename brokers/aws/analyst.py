"""Reads policies: what is wrong with them, what they let somebody do, what they and AWS say of a call."""

from collections.abc import Mapping, Sequence
from typing import Any

from brokers.aws.analysis import access, deciding, error_texts
from brokers.aws.analysis.grammar import grammar
from brokers.aws.analysis.meaning import meaning
from brokers.types import Decision, DeniedCall, Partition, PolicyFinding, ServiceAccess, Severity

_ORDER = list(Severity)
# What nothing can be told of.
_UNREADABLE = {"shape", "condition", "too-large"}


class Analyst:
    """Implements brokers.ports.PolicyAnalyst."""

    def lint(
        self, policy: Mapping[str, Any], *, partition: Partition, account_id: str
    ) -> Sequence[PolicyFinding]:
        """Return the errors; where there are none, what the policy means that should be looked at."""
        errors = grammar(policy, partition)
        found = errors or meaning(policy, account_id)
        return sorted(found, key=lambda finding: _ORDER.index(finding.severity))

    def access(self, policy: Mapping[str, Any]) -> Sequence[ServiceAccess]:
        """Return what it allows; nothing of what can't be read, or is far too large."""
        unread = {found.code for found in grammar(policy, Partition.AWS)} & _UNREADABLE
        return [] if unread else access.access(policy)

    def decide(
        self,
        policies: Sequence[Mapping[str, Any]],
        *,
        action: str,
        resource: str,
        context: Mapping[str, str],
    ) -> Decision:
        return deciding.decide(policies, action=action, resource=resource, context=context)

    def read_error(self, text: str) -> DeniedCall:
        return error_texts.read_error(text)
