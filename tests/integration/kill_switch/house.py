"""The portal's own rows for the sandbox's estate, and its real brokers: what the proofs of the kill switch work on."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import F

from brokers.aws import AwsBrokers, HubCredentials
from brokers.ports import AwsPorts
from brokers.types import Credentials, DenyTarget
from portal.access.models import AwsSession, DenyDocument, Grant, Revocation
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.cutting.work_off import work_off
from portal.access.operations.grants.make_grant import GrantOrder, make_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.catalog.models import AwsAccount, AwsRole, ScopeTemplate
from portal.directory.models import Person
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from tests.servers.ministack import REGION
from tests.servers.sandbox import Sandbox
from tests.servers.signed_calls import SignedCalls
from tests.world import make_person

SHELL = Actor.command("kill switch")
ROLE = "ProductionOperator"
# The longest session of that role, and of the user's federation tokens, and what the portal reckons on top.
LONGEST = timedelta(hours=37)
FILLER = "SomebodyElses"
THREADS = 8


@dataclass(frozen=True)
class Size:
    """How large the deny was once so many grants had been revoked: characters of each policy, as AWS showed them."""

    revoked: int
    inline: int
    managed: tuple[int, ...]


@dataclass
class House:
    """One role or user of the sandbox, the grants on it, and the sessions that were issued under them."""

    sandbox: Sandbox
    aws: AwsPorts
    role: AwsRole
    person: Person
    sessions: dict[UUID, Credentials] = field(default_factory=dict)
    sizes: list[Size] = field(default_factory=list)

    @property
    def target(self) -> DenyTarget:
        return self.role.deny_target

    def issue(self, many: int) -> None:
        """Grant so often, and issue credentials under each grant."""
        actor = Actor(ActorKind.PERSON, self.person.name, self.person.pk)
        template = ScopeTemplate.objects.filter(roles=self.role).first()
        order = GrantOrder(
            person_id=self.person.pk,
            role_id=self.role.pk,
            ends_at=database_now() + timedelta(hours=1),
            reason="proof",
            scope_template_id=template.pk if template else None,
        )
        grants = [make_grant(order=order, aws=self.aws, actor=SHELL).pk for _ in range(many)]

        def issue(chunk: Sequence[UUID]) -> None:
            try:
                for grant in chunk:
                    issued = issue_credentials(grant_id=grant, aws=self.aws, actor=actor)
                    self.sessions[grant] = issued.credentials
            finally:
                connections.close_all()

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(issue, [grants[n::THREADS] for n in range(THREADS)]))

    def revoke(self, grants: Sequence[UUID], *, at_once: int) -> None:
        """Revoke these, `at_once` between two rounds of the worker; note the deny's size after each round."""
        for start in range(0, len(grants), at_once):
            for grant in grants[start : start + at_once]:
                revoke_grant(grant_id=grant, reason="proof", actor=SHELL)
            work_off(aws=self.aws, holder="proof")
            self.note_size(start + len(grants[start : start + at_once]))

    def note_size(self, revoked: int) -> None:
        [document] = DenyDocument.objects.all()
        sizes = {policy["name"]: int(policy["characters"]) for policy in document.policies}
        inline = sizes.pop("SallyportRevoked", 0)
        self.sizes.append(Size(revoked, inline, tuple(sizes.values())))

    def let_all_die(self) -> None:
        """Move time on by the longest lifetime there is: every row lies that much further back."""
        Revocation.objects.update(asked_at=F("asked_at") - LONGEST, covers_until=F("covers_until") - LONGEST)
        AwsSession.objects.update(asked_at=F("asked_at") - LONGEST, expires_at=F("expires_at") - LONGEST)
        DenyDocument.objects.update(recheck_at=database_now())
        work_off(aws=self.aws, holder="proof")

    def answers(self) -> Mapping[UUID, str]:
        calls = SignedCalls(self.sandbox.ministack_url)
        found = calls.all_say({str(grant): session for grant, session in self.sessions.items()})
        return {UUID(grant): said for grant, said in found.items()}


def build_ports(sandbox: Sandbox, url: str | None = None) -> AwsPorts:
    """Build the real brokers with the hub's key, against the façade that knows IAM's limits, or what is before it."""
    hub = sandbox.estate["hub"]
    keys = HubCredentials(hub["access_key_id"], hub["secret_access_key"])
    return AwsBrokers.build(hub=keys, region=REGION, endpoint_url=url or sandbox.endpoint_url).ports()


def on_a_role(sandbox: Sandbox, aws: AwsPorts, name: str = ROLE) -> House:
    found = next(role for role in sandbox.estate["roles"] if role["name"] == name)
    accounts: dict[str, Any] = {each["account_id"]: each for each in sandbox.estate["accounts"]}
    known = accounts[found["account_id"]]
    account, _ = AwsAccount.objects.get_or_create(
        account_id=known["account_id"], name=known["name"], revoker_role_arn=known["revoker_role_arn"]
    )
    role = AwsRole.objects.create(
        account=account, title=name, name=name, path="/sallyport/", unique_id=found["role_id"]
    )
    return House(sandbox, aws, role, make_person("Ada Brook"))


def on_the_hubs_user(sandbox: Sandbox, aws: AwsPorts) -> House:
    hub = sandbox.estate["hub"]
    account = AwsAccount.objects.create(account_id=hub["account_id"], name="Hub")
    role = AwsRole.objects.create(
        account=account,
        title="Federated",
        name=hub["user_name"],
        method=AwsRole.Method.FEDERATION_TOKEN,
        requires_scope=True,
    )
    template = ScopeTemplate.objects.create(
        name="Buckets",
        summary="See which buckets there are",
        policy={
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
        },
    )
    template.roles.add(role)
    return House(sandbox, aws, role, make_person("Ben Lindqvist"))


def table(sizes: Collection[Size], *, inline_limit: int) -> str:
    """Return the sizes as a table for docs/reliability.md."""
    rows = [
        f"| revoked | inline (all inline together: {inline_limit:,}) | managed (each: 6,144) |",
        "|---|---|---|",
    ]
    for size in sizes:
        managed = ", ".join(f"{characters:,}" for characters in size.managed) or "none"
        rows.append(f"| {size.revoked} | {size.inline:,} | {managed} |")
    return "\n".join(rows)


def living(grants: Collection[UUID]) -> int:
    return Grant.objects.filter(pk__in=grants, state="active").count()
