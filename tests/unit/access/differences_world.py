"""A portal and an AWS that agree, and short words for what somebody does to one of them alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from brokers.aws.session_names import session_name
from brokers.types import DenyPolicySize, DenyTarget, OwnPolicy, PrincipalKind, StandingDeny
from portal.access.differences import Difference, Report
from portal.access.models import AwsSession, Grant, Revocation
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.cutting.work_off import work_off
from portal.access.operations.drift.find_differences import find_differences
from portal.access.operations.drift.repair_differences import Repaired, repair_differences
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.catalog.models import AwsRole
from portal.kernel.actor import Actor, ActorKind
from tests.fakes import FakeAws

SHELL = Actor.command("tests")


@dataclass
class World:
    """`role`: the one that all happens on, unless another is named."""

    aws: FakeAws
    role: AwsRole
    make_grant: Callable[..., Any]

    def used(self, role: AwsRole | None = None) -> Grant:
        """A living grant with a session."""
        grant: Grant = self.make_grant(role=role or self.role)
        actor = Actor(ActorKind.PERSON, "its holder", grant.person_id)
        issue_credentials(grant_id=grant.pk, aws=self.aws.ports(), actor=actor)
        return grant

    def cut(self, role: AwsRole | None = None) -> Revocation:
        """A grant that was revoked, and whose session AWS denies."""
        grant = self.used(role)
        revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
        self.work()
        return Revocation.objects.get(grant=grant)

    def work(self) -> None:
        work_off(aws=self.aws.ports(), holder="tests")

    def find(self) -> Report:
        return find_differences(aws=self.aws.ports())

    def found(self) -> list[tuple[str, str]]:
        return [(str(each.kind), each.item) for each in self.find().differences]

    def repair(self, *chosen: Difference, actor: Actor = SHELL) -> Repaired:
        return repair_differences(chosen=chosen or self.find().differences, actor=actor, aws=self.aws.ports())

    def target(self, role: AwsRole | None = None) -> DenyTarget:
        return replace((role or self.role).deny_target, via_role_arn=None)

    def standing(self, role: AwsRole | None = None) -> StandingDeny:
        return self.aws.documents.get(self.target(role), StandingDeny())

    def deny_by_hand(self, *entries: str, issued_before: datetime | None = None, intact: bool = True) -> None:
        """Somebody else, or the portal before a backup was restored, wrote the role's policy."""
        standing = self.standing()
        self.aws.documents[self.target()] = StandingDeny(
            standing.entries | set(entries),
            issued_before or standing.issued_before,
            (DenyPolicySize("SallyportRevoked", 300, 1),),
            intact,
        )

    def entry(self, grant_id: Any, role: AwsRole | None = None) -> str:
        return f"{self.aws.role_id((role or self.role).name)}:{session_name(grant_id)}"

    def leave_policy(self, name: str, slot: int = 1, *, is_own: bool = True, kind: str = "role") -> OwnPolicy:
        mine = {"kind": PrincipalKind(kind), "principal": name} if is_own else {}
        policy = OwnPolicy(f"SallyportRevoked-{kind}-{name}-{slot}", 0, is_own, **mine)  # type: ignore[arg-type]
        self.aws.policies.setdefault(self.role.account.account_id, []).append(policy)
        return policy


def session_of(grant: Grant) -> str:
    return AwsSession.objects.filter(grant=grant).latest("asked_at").userid
