"""Fill a scope's template for one account: its parameters' values, and the account's own number and partition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from portal.catalog.kinds import KINDS, REGIONS, Kind, OwnPlace
from portal.catalog.models import AwsAccount, ScopeTemplate
from portal.catalog.scopes import BUILT_IN, fill, validate_managed_policies, validate_placeholders


@dataclass(frozen=True, slots=True)
class FilledScope:
    """What a template is in one account, with nothing left to fill. `summary`: what it lets somebody do, in words."""

    policy: dict[str, Any]
    managed_policy_arns: tuple[str, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class ParameterField:
    """How a form asks for one parameter."""

    name: str
    label: str
    help_text: str
    kind: str
    example: str


def parameter_fields(template: ScopeTemplate) -> Sequence[ParameterField]:
    """Return what a form must ask for, in the template's own order."""
    return [
        ParameterField(
            name=name,
            label=name.replace("_", " ").capitalize(),
            help_text=_sentence(KINDS[kind]),
            kind=kind,
            example=KINDS[kind].example,
        )
        for name, kind in sorted(template.parameters.items(), key=_as_asked)
    ]


def _as_asked(parameter: tuple[str, str]) -> tuple[bool, str]:
    """The database doesn't keep an object's order: the region last, which the rest is in, the others by name."""
    name, kind = parameter
    return kind == "region", name


def fill_scope(*, template: ScopeTemplate, values: Mapping[str, Any], account: AwsAccount) -> FilledScope:
    """Return the template filled for an account.

    Raises:
        ValidationError: by parameter, what it must be; under `__all__` or the template's own field where the fault is
            the template's.
    """
    validate_placeholders(template.policy, template.summary, template.parameters)
    known = read_values(template.parameters, values, account) | built_ins(account)
    arns = [str(arn) for arn in fill(template.managed_policy_arns, known)]
    validate_managed_policies(arns)
    policy: dict[str, Any] = fill(template.policy, known)
    return FilledScope(policy=policy, managed_policy_arns=tuple(arns), summary=fill(template.summary, known))


def built_ins(account: AwsAccount) -> dict[str, str]:
    """Return the values of the placeholders that every template may use."""
    return dict(zip(BUILT_IN, (account.account_id, account.partition), strict=True))


def read_values(
    parameters: Mapping[str, str], values: Mapping[str, Any], account: AwsAccount
) -> dict[str, str]:
    """Return each parameter's value as it goes into the policy: ARNs of the account's own become names.

    Raises:
        ValidationError: by parameter, what it must be; also for what the template has no parameter of.
    """
    read: dict[str, str] = {}
    wrong: dict[str, str] = dict.fromkeys(set(values) - set(parameters), "is no parameter of this scope.")
    region = ""
    for name, kind in sorted(parameters.items(), key=lambda each: each[1] != "region"):
        own = OwnPlace(account.partition, account.account_id, region)
        try:
            value = values.get(name)
            read[name] = _region(value, own) if kind == "region" else KINDS[kind].read(value, own)
        except ValueError as problem:
            wrong[name] = str(problem)
        region = region or (read.get(name, "") if kind == "region" else "")
    if wrong:
        raise ValidationError({name: f"{name} {wrong[name]}" for name in sorted(wrong)})
    return read


def _region(value: Any, own: OwnPlace) -> str:
    region = KINDS["region"].read(value, own)
    if not REGIONS[own.partition].fullmatch(region):
        raise ValueError(
            f"must be a region of partition {own.partition}, in which the account is; {region} is none."
        )
    return region


def _sentence(kind: Kind) -> str:
    return f"{kind.says[0].upper()}{kind.says[1:]}."
