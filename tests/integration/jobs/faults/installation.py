"""One installation under test: its people, role and grants, and short words for what faults do with them."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Self, TypeVar
from uuid import UUID

from django.db import Error, connection, transaction

from brokers.types import ProbeAction
from portal.access.lifecycle import STANDING, RevocationState
from portal.access.models import DenyDocument, Grant, Revocation
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.grants.make_grant import GrantOrder, make_grant
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.operations import Entry, record_all
from portal.catalog.models import AwsAccount, AwsRole
from portal.directory.models import Person
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import BusyError
from portal.wiring import aws_ports
from tests.integration.brokers.aws.estate import BUCKET, ROLE, TARGET, VIA_ARN, is_denied
from tests.integration.jobs.plant import Plant
from tests.world import make_person

T = TypeVar("T")
OPERATOR = Actor.command("faults")


@dataclass(frozen=True)
class Held:
    """A grant with credentials that somebody holds; `works` is a signed call with them."""

    grant: Grant
    works: Callable[[], object]

    def is_denied(self) -> bool:
        return is_denied(self.works)


class Installation:
    """`held`: everybody whose calls are judged after each fault; `neighbour` is one who must never be touched."""

    def __init__(self, plant: Plant, *, real_lease: bool) -> None:
        self.plant, self.real_lease = plant, real_lease
        account = AwsAccount.objects.create(name="Target", account_id=TARGET, revoker_role_arn=VIA_ARN)
        self.role = AwsRole.objects.create(
            account=account,
            title=ROLE,
            name=ROLE,
            sets_source_identity=False,
            probe=ProbeAction.LIST_BUCKETS.value,
        )
        self.person = make_person("Ada Brook")
        self.aws = aws_ports()
        self.held: list[Held] = []
        self._stack = ExitStack()
        self.neighbour = self.session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._stack.close()

    def keep(self, server: AbstractContextManager[T]) -> T:
        """Run a server of the fault's own until all is over."""
        return self._stack.enter_context(server)

    # ------------------------------------------------------------ grants

    def grant(self, person: Person | None = None, **order: Any) -> Grant:
        given: dict[str, Any] = {
            "person_id": (person or self.person).pk,
            "role_id": self.role.pk,
            "ends_at": datetime.now(UTC) + timedelta(hours=2),
            "reason": "faults",
        }
        return make_grant(order=GrantOrder(**given | order), aws=self.aws, actor=OPERATOR)

    def issue(self, grant: Grant) -> Callable[[], object]:
        """Issue to the grant's own person; returns a signed call with the credentials.

        Where AWS was throttled a moment ago, they come again when they are told to.
        """
        person = grant.holder
        actor = Actor(ActorKind.PERSON, person.name, person.pk)
        while True:
            try:
                issued = issue_credentials(grant_id=grant.pk, aws=self.aws, actor=actor)
                break
            except BusyError as busy:
                time.sleep(busy.retry_after_seconds)
        found = issued.credentials
        return self.call(found.access_key_id, found.secret_access_key, found.session_token)

    def call(self, key: str, secret: str, token: str | None) -> Callable[[], object]:
        """Return a signed call. Its client, dear to build, is built when it is first made."""

        @cache
        def s3() -> Any:
            return self.plant.aws.client("s3", key, secret, token)

        return lambda: s3().get_object(Bucket=BUCKET, Key="plan.txt")

    def session(self, person: Person | None = None, *, watched: bool = True) -> Held:
        """Grant and issue; `watched`: its calls are judged after each fault."""
        grant = self.grant(person)
        works = self.issue(grant)
        return self.watch(grant, works) if watched else Held(grant, works)

    def watch(self, grant: Grant, works: Callable[[], object]) -> Held:
        held = Held(grant, works)
        self.held.append(held)
        return held

    def many(self, number: int) -> list[UUID]:
        """Make grants that nobody used, with their audit rows, all at once."""
        now = database_now()
        grants = [
            Grant(
                person=self.person,
                role=self.role,
                starts_at=now,
                ends_at=now + timedelta(hours=2),
                state="active",
                activated_at=now,
                reason="faults",
                made_at=now,
            )
            for _ in range(number)
        ]
        with transaction.atomic():
            Grant.objects.bulk_create(grants)
            record_all(
                Entry(type=EventType.GRANT_MADE, at=now, actor=OPERATOR, grant_id=grant.pk)
                for grant in grants
            )
        return [grant.pk for grant in grants]

    def end_at(self, ids: Sequence[UUID], ends_at: datetime) -> None:
        """Move the grants' end, and with it their start, as if they had been made earlier."""
        starts_at = ends_at - timedelta(hours=2)
        Grant.objects.filter(pk__in=ids).update(
            starts_at=starts_at, made_at=starts_at, activated_at=starts_at, ends_at=ends_at
        )

    def revoke(self, grant: Grant) -> None:
        revoke_grant(grant_id=grant.pk, reason="faults", actor=OPERATOR)

    # ------------------------------------------------------------ what became of them

    def state(self, grant: Grant) -> str:
        found = Revocation.objects.filter(grant=grant.pk).first()
        return found.state if found else "none"

    def stands(self, *grants: Grant) -> bool:
        """Whether AWS was seen to have the deny of each."""
        states = {state.value for state in STANDING}
        wanted = [grant.pk for grant in grants]
        return Revocation.objects.filter(grant__in=wanted, state__in=states).count() == len(wanted)

    def is_failing(self, grant: Grant) -> bool:
        return self.state(grant) == RevocationState.FAILING

    def lateness(self, ids: Sequence[UUID]) -> float:
        """Return by how much the latest of them ended after its end, by database time."""
        rows = Grant.objects.filter(pk__in=ids, ended_at__isnull=False)
        assert rows.count() == len(ids), "some have not ended"
        return max((row.ended_at - row.ends_at).total_seconds() for row in rows)  # type: ignore[operator]

    def all_ended(self, ids: Sequence[UUID]) -> bool:
        return not Grant.objects.filter(pk__in=ids, ended_at=None).exists()

    def cut_seconds(self, grant: Grant) -> float:
        """From the click to the deny that stands and is recorded."""
        row = Revocation.objects.get(grant=grant.pk)
        assert row.applied_at is not None
        return (row.applied_at - row.asked_at).total_seconds()

    def audited_once(self, event: EventType, ids: Iterable[UUID]) -> None:
        wanted = sorted(map(str, ids))
        rows = AuditEvent.objects.filter(type=event.value, grant_id__in=wanted)
        found = sorted(map(str, rows.values_list("grant_id", flat=True)))
        assert found == wanted, f"{event}: {len(found)} rows for {len(wanted)} grants"

    # ------------------------------------------------------------ waiting

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> float:
        """Wait, through a database that is away, until it holds; returns the seconds that it took."""
        began = time.monotonic()
        while True:
            with suppress(Error):
                if condition():
                    return round(time.monotonic() - began, 2)
            if not connection.is_usable():
                connection.close()
            if time.monotonic() > began + seconds:
                raise AssertionError(f"{what}: not within {seconds} s\n{self.plant.logs()}")
            time.sleep(0.05)

    def skip_leases(self) -> None:
        """Where real time is dear: move the leases of the killed on in the database instead of waiting for them."""
        if not self.real_lease:
            held = DenyDocument.objects.filter(leased_until__isnull=False)
            held.update(leased_until=database_now() - timedelta(seconds=1))
