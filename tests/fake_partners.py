"""A fake AWS for partners' roles, at the ports: roles in memory, faults set through the FakeAws that it belongs to.

Names, checks, policies and the comparison are the broker's own pure functions. Operations: check_role, make_role,
read_role, close_role, delete_role, list_roles, make_twin, assume_twin, remove_twin, check_account.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from brokers.aws.account_files import account_files, account_roles
from brokers.aws.partner_checks import all_tags, check_spec, plain_description
from brokers.aws.partner_names import CLOSED_POLICY, SCOPE_POLICY, boundary_arn, role_name, twin_name
from brokers.aws.partner_permissions import CLOSED
from brokers.aws.role_policies import RolePolicies
from brokers.aws.trust_policy import CLOSED as CLOSED_TRUST
from brokers.errors import NotPossible
from brokers.ports import CheckProgress, PartnerPorts
from brokers.types import (
    AcceptedExternalId,
    AccountFile,
    AccountPlace,
    AccountRoles,
    CheckStep,
    Decision,
    DeniedCall,
    DenyTarget,
    ListedRole,
    Partition,
    PartnerRoleSizes,
    PartnerRoleSpec,
    PolicyFinding,
    RoleDifference,
    ServiceAccess,
    StandingRole,
)

HUB_ARN = "arn:aws:iam::111111111111:user/sallyport-hub"
T = TypeVar("T")


def _silent(found: Sequence[CheckStep], now: str) -> None:
    del found, now


class Called(Protocol):
    """What runs a call with the faults that a test set: `FakeAws._call`."""

    def __call__(self, operation: str, asked: Any, act: Callable[[], T]) -> T: ...


@dataclass
class FakePartners:
    """`roles`, `twins` (the ExternalIds that each accepts): by account, name. `lets_in`: what AWS wrongly lets in.

    `keeps_out`: what it wrongly keeps out, such as while it is behind.
    """

    call: Called
    roles: dict[tuple[str, str], StandingRole] = field(default_factory=dict)
    closed: set[tuple[str, str]] = field(default_factory=set)
    twins: dict[tuple[str, str], tuple[AcceptedExternalId, ...]] = field(default_factory=dict)
    lets_in: set[str | None] = field(default_factory=set)
    keeps_out: set[str | None] = field(default_factory=set)
    findings: list[PolicyFinding] = field(default_factory=list)
    steps: list[CheckStep] = field(default_factory=list)
    made: int = 0

    def ports(self) -> PartnerPorts:
        return PartnerPorts(
            roles=self,
            external_ids=self,
            accounts=FakeChecker(self),
            analyst=FakeAnalyst(self.findings),
            role_name=role_name,
            twin_name=twin_name,
            hub_arn=lambda: HUB_ARN,
        )

    def check(self, spec: PartnerRoleSpec) -> PartnerRoleSizes:
        return self.call("check_role", spec, lambda: check_spec(spec))

    def trust_policy(self, spec: PartnerRoleSpec) -> Mapping[str, Any]:
        return RolePolicies().trust_policy(spec)

    def permissions(self, spec: PartnerRoleSpec) -> Mapping[str, Any]:
        return RolePolicies().permissions(spec)

    def make(self, spec: PartnerRoleSpec) -> StandingRole:
        check_spec(spec)
        key = (spec.place.account_id, spec.name)

        def act() -> StandingRole:
            if key in self.closed:
                raise NotPossible(f"Role {spec.name} is closed, and none is opened again.")
            known = self.roles.get(key)
            self.made += known is None
            self.roles[key] = self._standing(spec, known.unique_id if known else f"AROAFAKE{self.made:09d}")
            return self.roles[key]

        return self.call("make_role", spec, act)

    def _standing(self, spec: PartnerRoleSpec, unique_id: str) -> StandingRole:
        return StandingRole(
            name=spec.name,
            path=spec.path,
            arn=f"arn:{spec.place.partition}:iam::{spec.place.account_id}:role{spec.path}{spec.name}",
            unique_id=unique_id,
            description=plain_description(spec.description),
            max_session=spec.max_session,
            trust=self.trust_policy(spec),
            inline={SCOPE_POLICY: self.permissions(spec)},
            attached=spec.managed_policy_arns,
            boundary_arn=boundary_arn(spec.place),
            tags=all_tags(spec),
        )

    def read(self, place: AccountPlace, name: str) -> StandingRole | None:
        return self.call("read_role", (place, name), lambda: self.roles.get((place.account_id, name)))

    def close(self, place: AccountPlace, name: str, *, grant: str) -> bool:
        key = (place.account_id, name)

        def act() -> bool:
            if key not in self.roles:
                return False
            self.closed.add(key)
            inline = {**self.roles[key].inline, CLOSED_POLICY: CLOSED}
            self.roles[key] = replace(self.roles[key], trust=CLOSED_TRUST, inline=inline)
            return True

        return self.call("close_role", (place, name, grant), act)

    def delete(self, place: AccountPlace, name: str, *, grant: str) -> None:
        def act() -> None:
            self.closed.discard((place.account_id, name))
            self.roles.pop((place.account_id, name), None)

        self.call("delete_role", (place, name, grant), act)

    def list(self, place: AccountPlace) -> Sequence[ListedRole]:
        def act() -> Sequence[ListedRole]:
            return [
                ListedRole(role.name, role.path, role.arn, role.unique_id)
                for (account, _), role in sorted(self.roles.items())
                if account == place.account_id
            ]

        return self.call("list_roles", place, act)

    def differences(self, spec: PartnerRoleSpec, found: StandingRole) -> Sequence[RoleDifference]:
        return RolePolicies().differences(spec, found)

    def make_twin(
        self, place: AccountPlace, name: str, external_ids: Sequence[AcceptedExternalId], *, ends_at: datetime
    ) -> None:
        def act() -> None:
            self.twins[place.account_id, name] = tuple(external_ids)

        self.call("make_twin", (place, name, tuple(external_ids), ends_at), act)

    def assume_twin(self, place: AccountPlace, name: str, external_id: str | None) -> bool:
        def act() -> bool:
            now = datetime.now(UTC)
            twin = self.twins.get((place.account_id, name), ())
            accepted = {each.value for each in twin if each.until is None or each.until > now}
            return external_id in (accepted | self.lets_in) - self.keeps_out

        return self.call("assume_twin", (place, name, external_id), act)

    def remove_twin(self, place: AccountPlace, name: str) -> None:
        self.call("remove_twin", (place, name), lambda: self.twins.pop((place.account_id, name), None))


@dataclass(frozen=True)
class FakeChecker:
    partners: FakePartners

    def check(
        self, target: DenyTarget, place: AccountPlace | None, *, progress: CheckProgress = _silent
    ) -> Sequence[CheckStep]:
        def act() -> Sequence[CheckStep]:
            for number, step in enumerate(self.partners.steps):
                progress(self.partners.steps[:number], step.name)
            return list(self.partners.steps)

        return self.partners.call("check_account", (target, place), act)

    def roles(self, partition: Partition, account_id: str) -> AccountRoles:
        return account_roles(partition, account_id)

    def files(self, partition: Partition, account_id: str) -> Sequence[AccountFile]:
        return account_files(HUB_ARN, partition, account_id)


@dataclass(frozen=True)
class FakeAnalyst:
    findings: list[PolicyFinding]

    def lint(self, policy: Mapping[str, Any], *, partition: str, account_id: str) -> Sequence[PolicyFinding]:
        del policy, partition, account_id
        return list(self.findings)

    def access(self, policy: Mapping[str, Any]) -> Sequence[ServiceAccess]:
        del policy
        return [ServiceAccess("s3", "Amazon S3", {"Read": ("GetObject",)}, ("arn:aws:s3:::bucket/*",))]

    def decide(
        self,
        policies: Sequence[Mapping[str, Any]],
        *,
        action: str,
        resource: str,
        context: Mapping[str, str],
    ) -> Decision:
        del policies, action, resource, context
        return Decision.ALLOWED

    def read_error(self, text: str) -> DeniedCall:
        return DeniedCall(because=text)
