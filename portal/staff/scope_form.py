"""The form of a scope: read before it is saved. Warnings need a reason, errors never pass.

What is overruled is what was read: if the policy has changed since, it is shown again first.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils import timezone

from brokers.errors import BrokerError
from brokers.types import PolicyFinding, Scope
from portal import wiring
from portal.catalog.kinds import KINDS
from portal.catalog.linting import TemplateReading, read_template, told
from portal.catalog.models import ScopeTemplate
from portal.staff.base import CheckedForm

LOOK = "_look"
TEXT = ("summary", "policy", "parameters", "managed_policy_arns")


class DocumentField(forms.JSONField):
    """JSON as people write it: on lines of its own."""

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "cols": 90, "spellcheck": "false", "class": "document"})


class ScopeForm(CheckedForm[ScopeTemplate]):
    """`reading`: what it would let somebody do, once that is known. `overruling`: the warnings that this overrules."""

    policy = DocumentField(widget=_area(16))
    parameters = DocumentField(
        required=False,
        initial=dict,
        widget=_area(4),
        help_text='Name and kind of each placeholder, such as {"bucket": "bucket_name"}. '
        f"Kinds: {', '.join(sorted(KINDS))}.",
    )
    managed_policy_arns = DocumentField(
        required=False,
        initial=list,
        label="Managed policies",
        widget=_area(3),
        help_text='ARNs, such as ["arn:aws:iam::aws:policy/ReadOnlyAccess"]. The lint does not read them.',
    )
    overrule_reason = forms.CharField(
        required=False,
        max_length=300,
        label="Why the warnings are right",
        widget=forms.Textarea(attrs={"rows": 2, "cols": 70}),
        help_text="Only where there are warnings. It stands with the scope and in the audit trail.",
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    reading: TemplateReading | None = None
    overruling: Sequence[PolicyFinding] = ()

    @property
    def is_looking(self) -> bool:
        """Whether it was sent to be read, not to be saved."""
        return LOOK in self.data

    def clean_parameters(self) -> Any:
        return self.cleaned_data["parameters"] or {}

    def clean_managed_policy_arns(self) -> Any:
        return self.cleaned_data["managed_policy_arns"] or []

    @cached_property
    def changed_data(self) -> list[str]:
        return [name for name in super().changed_data if name != "seen"]

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors:
            return
        self._check_sendable()
        try:
            self.reading = read_template(self.instance, analyst=wiring.policy_analyst())
        except ValidationError as problem:
            self.add_error(self._shown("policy"), problem.messages)
            return
        for each in self.reading.errors:
            self.add_error(self._shown("policy"), f"{each.where}: {each.text} {each.advice}".strip())
        self._settle(self.reading)

    def _settle(self, reading: TemplateReading) -> None:
        """Overrule the warnings that were seen, by the reason that was given."""
        now_seen, was_seen = _digest(reading.warnings), self.data.get("seen", "")
        self.data = self.data.copy()  # type: ignore[attr-defined]  # what a request has sent
        self.data["seen"] = now_seen  # type: ignore[index]  # as above
        if self.is_looking:
            self.add_error(None, "Nothing was saved yet.")
        elif reading.warnings and not self.cleaned_data.get("overrule_reason"):
            self.add_error(
                "overrule_reason", f"{_count(reading.warnings)}: change the policy, or say why it is right."
            )
        elif reading.warnings and was_seen != now_seen:
            self.add_error(
                "overrule_reason", f"{_count(reading.warnings)}, which you had not seen: look again, below."
            )
        elif not reading.warnings and self.cleaned_data.get("overrule_reason"):
            self.add_error("overrule_reason", "There is nothing to overrule: leave this empty.")
        else:
            self.overruling = reading.warnings
            kept = {told(each) for each in reading.overruled}
            self.instance.overruled = [each for each in self.instance.overruled if _told(each) in kept]

    def _check_sendable(self) -> None:
        """Try it as issuing would, placeholders and all; the size of the values comes on top when it is granted.

        A role for a partner has more room, so a scope that is for partners alone is not measured by it.
        """
        if self.instance.for_partners and not self.cleaned_data.get("roles"):
            return
        try:
            check = wiring.aws_ports().check_scope
        except BrokerError:
            return  # without a hub there is nothing to try it with; granting will
        # What the account fills is no matter of a template: an ARN with a placeholder is tried as AWS's own.
        arns = tuple(
            arn.replace("{{aws_partition}}", "aws") for arn in self.instance.managed_policy_arns or ()
        )
        arns = tuple(arn.replace("{{aws_account}}", "111122223333") for arn in arns)
        try:
            check(Scope(self.instance.policy, arns), timezone.now() + timedelta(days=1))
        except BrokerError as problem:
            self.add_error(self._shown("policy"), f"AWS would not take it: {problem}.")

    def _shown(self, name: str) -> str | None:
        return name if name in self.fields else None


def _told(overruled: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(overruled.get("code")), str(overruled.get("where")), str(overruled.get("text"))


def _digest(findings: Collection[PolicyFinding]) -> str:
    return hashlib.sha256(json.dumps(sorted(map(told, findings))).encode()).hexdigest()


def _count(findings: Sequence[PolicyFinding]) -> str:
    return "There is 1 warning" if len(findings) == 1 else f"There are {len(findings)} warnings"
