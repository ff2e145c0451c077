"""A fake AWS for partners' roles, at the ports: roles in memory, faults set through the FakeAws that it belongs to.

Operations: make_role, read_role, close_role, delete_role, list_roles, make_twin, assume_twin, remove_twin,
check_account.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID
from zlib import crc32

from brokers.ports import PartnerPorts
from brokers.types import (
    AcceptedExternalId,
    AccountPlace,
    CheckStep,
    Decision,
    DeniedCall,
    DenyTarget,
    DriftKind,
    ListedRole,
    PartnerRoleSizes,
    PartnerRoleSpec,
    PolicyFinding,
    RoleDifference,
    ServiceAccess,
    StandingRole,
)

HUB_ARN = "arn:aws:iam::111111111111:user/sallyport-hub"
CLOSED: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "SallyportClosed", "Effect": "Deny"}],
}
T = TypeVar("T")


def _silent(words: str) -> None:
    del words


class Called(Protocol):
    """What runs a call with the faults that a test set: `FakeAws._call`."""

    def __call__(self, operation: str, asked: Any, act: Callable[[], T]) -> T: ...


@dataclass
class FakePartners:
    """`roles`, `twins` (the ExternalIds that each accepts): by account, name. `lets_in`: what AWS wrongly lets in."""

    call: Called
    roles: dict[tuple[str, str], StandingRole] = field(default_factory=dict)
    closed: set[tuple[str, str]] = field(default_factory=set)
    twins: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    lets_in: set[str | None] = field(default_factory=set)
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
        return self.call("check_role", spec, lambda: PartnerRoleSizes(600, 2048, 900, 10_240))

    def trust_policy(self, spec: PartnerRoleSpec) -> Mapping[str, Any]:
        accepted = [
            {"id": each.value, "until": each.until.isoformat() if each.until else None}
            for each in spec.external_ids
        ]
        return {
            "principal": spec.principal_arn,
            "external_ids": accepted,
            "window": [spec.starts_at.isoformat(), spec.ends_at.isoformat()],
        }

    def permissions(self, spec: PartnerRoleSpec) -> Mapping[str, Any]:
        return {"policy": spec.policy, "window": [spec.starts_at.isoformat(), spec.ends_at.isoformat()]}

    def make(self, spec: PartnerRoleSpec) -> StandingRole:
        key = (spec.place.account_id, spec.name)

        def act() -> StandingRole:
            known = self.roles.get(key)
            self.made += known is None
            self.roles[key] = self._standing(spec, known.unique_id if known else f"AROAFAKE{self.made:09d}")
            self.closed.discard(key)
            return self.roles[key]

        return self.call("make_role", spec, act)

    def _standing(self, spec: PartnerRoleSpec, unique_id: str) -> StandingRole:
        return StandingRole(
            name=spec.name,
            path=spec.path,
            arn=f"arn:{spec.place.partition}:iam::{spec.place.account_id}:role{spec.path}{spec.name}",
            unique_id=unique_id,
            description=spec.description,
            max_session=spec.max_session,
            trust=self.trust_policy(spec),
            inline={"SallyportScope": self.permissions(spec)},
            attached=spec.managed_policy_arns,
            boundary_arn=f"arn:aws:iam::{spec.place.account_id}:policy/SallyportPartnerBoundary",
            tags=dict(spec.tags),
        )

    def read(self, place: AccountPlace, name: str) -> StandingRole | None:
        return self.call("read_role", (place, name), lambda: self.roles.get((place.account_id, name)))

    def close(self, place: AccountPlace, name: str, *, grant: str) -> bool:
        key = (place.account_id, name)

        def act() -> bool:
            if key not in self.roles:
                return False
            self.closed.add(key)
            self.roles[key] = replace(self.roles[key], trust=CLOSED, inline={"SallyportClosed": CLOSED})
            return True

        return self.call("close_role", (place, name, grant), act)

    def delete(self, place: AccountPlace, name: str, *, grant: str) -> None:
        self.call("delete_role", (place, name, grant), lambda: self.roles.pop((place.account_id, name), None))

    def list(self, place: AccountPlace) -> Sequence[ListedRole]:
        def act() -> Sequence[ListedRole]:
            return [
                ListedRole(role.name, role.path, role.arn, role.unique_id)
                for (account, _), role in sorted(self.roles.items())
                if account == place.account_id
            ]

        return self.call("list_roles", place, act)

    def differences(self, spec: PartnerRoleSpec, found: StandingRole) -> Sequence[RoleDifference]:
        wanted = self._standing(spec, found.unique_id)
        parts = {
            "trust": (wanted.trust, found.trust),
            "permissions": (wanted.inline, found.inline),
            "boundary": (wanted.boundary_arn, found.boundary_arn),
            "tags": (wanted.tags, found.tags),
            "description": (wanted.description, found.description),
        }
        wide = {"trust", "permissions", "boundary"}
        return [
            RoleDifference(
                part, DriftKind.WIDENED if part in wide else DriftKind.CHANGED, should, is_, f"{part} differs"
            )
            for part, (should, is_) in parts.items()
            if should != is_
        ]

    def make_twin(
        self, place: AccountPlace, name: str, external_ids: Sequence[AcceptedExternalId], *, ends_at: datetime
    ) -> None:
        def act() -> None:
            self.twins[place.account_id, name] = tuple(each.value for each in external_ids)

        self.call("make_twin", (place, name, tuple(external_ids), ends_at), act)

    def assume_twin(self, place: AccountPlace, name: str, external_id: str | None) -> bool:
        def act() -> bool:
            accepted = self.twins.get((place.account_id, name), ())
            return external_id in accepted or external_id in self.lets_in

        return self.call("assume_twin", (place, name, external_id), act)

    def remove_twin(self, place: AccountPlace, name: str) -> None:
        self.call("remove_twin", (place, name), lambda: self.twins.pop((place.account_id, name), None))


@dataclass(frozen=True)
class FakeChecker:
    partners: FakePartners

    def check(
        self, target: DenyTarget, place: AccountPlace | None, *, progress: Callable[[str], None] = _silent
    ) -> Sequence[CheckStep]:
        progress("checking")
        return self.partners.call("check_account", (target, place), lambda: list(self.partners.steps))


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


def role_name(grant: UUID) -> str:
    return f"sp-{crc32(grant.bytes):010d}"


def twin_name(account: UUID) -> str:
    return f"sp-twin-{crc32(account.bytes):010d}"
