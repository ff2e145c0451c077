"""What is wrong with a scope and what it lets somebody do, before it is saved or granted."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brokers.ports import PolicyAnalyst
from brokers.types import Partition, PolicyFinding, ServiceAccess, Severity
from portal.catalog.filling import FilledScope, fill_scope
from portal.catalog.kinds import KINDS
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.kernel.errors import InvalidError

SESSION_CHARACTERS = 2_048
ROLE_CHARACTERS = 10_240
SAMPLE_ACCOUNT = "111122223333"
SAMPLE_REGIONS = {"aws": "eu-central-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_WHITE_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class TemplateReading:
    """A template as it reads when its parameters have the values of an example.

    `overruled`: findings whose warning an admin overruled; `open`: the other warnings and the errors, which stand in
    the way; `notes` stand in nobody's.
    """

    summary: str
    policy: Mapping[str, Any]
    managed_policy_arns: tuple[str, ...]
    access: Sequence[ServiceAccess]
    errors: Sequence[PolicyFinding]
    warnings: Sequence[PolicyFinding]
    overruled: Sequence[PolicyFinding]
    notes: Sequence[PolicyFinding]
    characters: int

    @property
    def findings(self) -> Sequence[PolicyFinding]:
        """All of them, worst first."""
        return [*self.errors, *self.warnings, *self.overruled, *self.notes]


def lint_scope(
    policy: Mapping[str, Any], *, account: AwsAccount, analyst: PolicyAnalyst
) -> Sequence[PolicyFinding]:
    """Return what is wrong with a filled scope's policy in an account, worst first."""
    return analyst.lint(policy, partition=Partition(account.partition), account_id=account.account_id)


def check_scope_fit(
    policy: Mapping[str, Any], *, account: AwsAccount, analyst: PolicyAnalyst, field: str = "scope_template"
) -> Sequence[PolicyFinding]:
    """Return the findings of a filled scope that may be granted.

    Raises:
        InvalidError: with all errors in sentences. Warnings were for whoever saved the template to overrule.
    """
    findings = lint_scope(policy, account=account, analyst=analyst)
    errors = [f"{each.where}: {each.text}" for each in findings if each.severity is Severity.ERROR]
    if errors:
        raise InvalidError(" ".join(errors), field=field)
    return findings


def read_template(template: ScopeTemplate, *, analyst: PolicyAnalyst) -> TemplateReading:
    """Read a template with example values, in the account and partition that its text names, else in a sample's.

    Raises:
        ValidationError: its placeholders and its parameters don't fit.
    """
    account = _sample_account(template)
    values = {
        name: SAMPLE_REGIONS[account.partition] if kind == "region" else KINDS[kind].example
        for name, kind in template.parameters.items()
    }
    filled = fill_scope(template=template, values=values, account=account)
    return _reading(filled, lint_scope(filled.policy, account=account, analyst=analyst), template, analyst)


def _reading(
    filled: FilledScope, findings: Sequence[PolicyFinding], template: ScopeTemplate, analyst: PolicyAnalyst
) -> TemplateReading:
    by = {severity: [each for each in findings if each.severity is severity] for severity in Severity}
    settled = settled_by(template.overruled)
    return TemplateReading(
        summary=filled.summary,
        policy=filled.policy,
        managed_policy_arns=filled.managed_policy_arns,
        access=[] if by[Severity.ERROR] else analyst.access(filled.policy),
        errors=by[Severity.ERROR],
        warnings=[each for each in by[Severity.WARNING] if told(each) not in settled],
        overruled=[each for each in by[Severity.WARNING] if told(each) in settled],
        notes=by[Severity.NOTE],
        characters=characters_of(filled.policy),
    )


def told(finding: PolicyFinding) -> tuple[str, str, str]:
    """What a finding says: whoever overruled it read this, and nothing else is overruled by that."""
    return finding.code, finding.where, finding.text


def settled_by(overruled: Collection[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    return {(str(each.get("code")), str(each.get("where")), str(each.get("text"))) for each in overruled}


def characters_of(policy: Any) -> int:
    """Return a policy's size as IAM counts it: without white space."""
    return len(_WHITE_SPACE.sub("", json.dumps(policy, separators=(",", ":"))))


def _sample_account(template: ScopeTemplate) -> AwsAccount:
    text = json.dumps([template.policy, template.managed_policy_arns])
    numbers = re.findall(r":([0-9]{12}):", text)
    partitions = [each for each in re.findall(r"arn:(aws[a-z-]*):", text) if each in set(Partition)]
    return AwsAccount(
        name="sample",
        account_id=numbers[0] if numbers else SAMPLE_ACCOUNT,
        partition=partitions[0] if partitions else Partition.AWS.value,
    )
