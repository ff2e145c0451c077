"""A small world for the machine: a company and a partner, four roles of the four kinds, and an empty database after."""

from datetime import timedelta

from django.db import connection

from portal.access import models as access
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount, AwsRole, ScopeTemplate
from portal.directory.models import ExternalIdentity, IdentityProvider, Partner, Person
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.models import OutboxMessage
from tests.fakes import role_id_of
from tests.integration.lifecycle.clock import BEGINNING
from tests.integration.lifecycle.watched_aws import HUB_ACCOUNT

SHELL = Actor.command("machine")
# In the order in which nothing is deleted while something points to it.
MADE = (
    access.Revocation,
    access.KeptDeny,
    access.DenyDocument,
    access.CredentialSlot,
    access.HandOut,
    access.CredentialToken,
    access.StsBudget,
    access.AwsSession,
    access.ConsoleLink,
    access.Alarm,
    access.Hold,
    access.Sweep,
    access.Grant,
    OutboxMessage,
    AuditEvent,
)
WORLD = (
    ScopeTemplate.roles.through,
    ScopeTemplate,
    AwsRole,
    AwsAccount,
    ExternalIdentity,
    IdentityProvider,
    Person,
    Partner,
)


class World:
    """Two people of the house, two of a partner's; a role, one like it, one without a kill switch, one federated."""

    def __init__(self) -> None:
        self.partner = Partner.objects.create(
            name="Acme",
            contract_starts_at=BEGINNING - timedelta(days=1),
            contract_ends_at=BEGINNING + timedelta(days=200, milliseconds=300),
        )
        self.people = [
            Person.objects.admit(name=name, partner=partner)
            for name, partner in (("Ada", None), ("Ben", None), ("Cy", self.partner), ("Di", self.partner))
        ]
        # What is said of every other one counts for a day.
        said = [
            IdentityProvider.objects.create(slug=slug, name=slug, max_age_hours=hours)
            for slug, hours in (("season", 2160), ("day", 24))
        ]
        for number, person in enumerate(self.people):
            ExternalIdentity.objects.create(
                provider=said[number % 2], person=person, subject=person.name, confirmed_at=BEGINNING
            )
        data = AwsAccount.objects.create(name="Data", account_id="222222222222")
        hub = AwsAccount.objects.create(name="Hub", account_id=HUB_ACCOUNT)
        self.template = ScopeTemplate.objects.create(
            name="Reading",
            summary="Read",
            policy={
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"}],
            },
        )
        self.roles = [
            AwsRole.objects.create(account=data, title="Reader", name="Reader"),
            AwsRole.objects.create(
                account=data, title="Writer", name="Writer", unique_id=role_id_of("Writer")
            ),
            AwsRole.objects.create(account=data, title="Kept", name="Kept", is_writable=False),
            AwsRole.objects.create(
                account=hub,
                title="Federated",
                name="broker",
                method=AwsRole.Method.FEDERATION_TOKEN,
                requires_scope=True,
                max_session_seconds=129_600,
            ),
        ]
        self.template.roles.add(self.roles[3])

    def actor(self, person: Person) -> Actor:
        return Actor(ActorKind.PERSON, person.name, person.pk)


def clear_world() -> None:
    """Empty what the machine filled; the audit trail's triggers are off in tests, and would refuse it."""
    with connection.cursor() as cursor:
        tables = [model._meta.db_table for model in (*MADE, *WORLD)]
        cursor.execute("; ".join(f"DELETE FROM {table}" for table in tables))  # noqa: S608  # our own tables
