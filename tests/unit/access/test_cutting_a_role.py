"""An operator's cut of everybody on a role: who is shown before, what AWS is told, what goes on."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from brokers.types import PrincipalKind
from portal.access.found_in_aws import LONGEST
from portal.access.models import AwsSession, DenyDocument, Grant, Revocation
from portal.access.operations.credentials.issue_credentials import issue_credentials
from portal.access.operations.cutting import apply_revocations as engine
from portal.access.operations.cutting.cut_preview import document_of_role, preview_cut
from portal.access.operations.cutting.cut_role import cut_role
from portal.access.operations.cutting.leases import take_lease
from portal.access.operations.cutting.work_off import due_documents, work_off
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from portal.kernel.models import OutboxMessage
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SHELL = Actor.command("tests")


@pytest.fixture
def document(role: AwsRole) -> DenyDocument:
    return document_of_role(role.pk)


def work(aws: FakeAws) -> None:
    work_off(aws=aws.ports(), holder="tests")


def test_everybody_who_may_be_in_is_shown_by_name(
    make_role: Make, make_grant: Make, aws: FakeAws, person: Make, actor_of: Make
) -> None:
    role = AwsRole.objects.get(name="Reader")
    ada, ben, mallory = person("Ada"), person("Ben"), person("Mallory")
    for _ in range(2):
        grant = make_grant(ben)
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(ben))
    make_grant(ada)
    make_grant(mallory, role=make_role("Writer"))
    over = make_grant(person("Over"))
    revoke_grant(grant_id=over.pk, reason="r", actor=SHELL)
    preview = preview_cut(document_of_role(role.pk).pk)
    shown = [(victim.person.name, dict(victim.sessions), victim.grants) for victim in preview.victims]
    assert shown == [("Ben", {"credentials": 2}, 2), ("Ada", {}, 1)]
    assert preview.number_in == 1


def test_whoever_was_let_run_out_is_a_victim_too(
    document: DenyDocument, make_grant: Make, aws: FakeAws, actor_of: Make, person: Make
) -> None:
    grant = make_grant(person("Ben"))
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL, cut=False)
    [victim] = preview_cut(document.pk).victims
    assert (victim.person.name, victim.grants, victim.is_in) == ("Ben", 0, True)


def test_whom_aws_denies_already_is_no_victim_and_whom_it_does_not_yet_is(
    document: DenyDocument, make_grant: Make, aws: FakeAws, actor_of: Make, person: Make
) -> None:
    grant = make_grant(person("Ben"))
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
    assert [victim.person.name for victim in preview_cut(document.pk).victims] == ["Ben"]
    work(aws)
    assert preview_cut(document.pk).victims == []


def test_a_later_cut_never_lets_in_again_whom_an_earlier_one_reached(document: DenyDocument) -> None:
    """The database's clock was set back an hour between the two."""
    first = (database_now() + timedelta(hours=1)).replace(microsecond=0)
    until = first + LONGEST[PrincipalKind.ROLE]
    DenyDocument.objects.update(issued_before=first, issued_before_until=until)
    again = cut_role(document_id=document.pk, reason="r", actor=SHELL)
    assert (again.issued_before, again.issued_before_until) == (first, until)


def test_the_cut_is_written_by_a_worker_and_ends_no_grant(
    document: DenyDocument, make_grant: Make, aws: FakeAws, actor_of: Make, admin: Person
) -> None:
    grant = make_grant()
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    before = database_now()
    cut = cut_role(document_id=document.pk, reason=" a leak ", actor=actor_of(admin))
    assert cut.issued_before is not None
    assert cut.issued_before_until is not None
    assert (cut.issued_before.microsecond, cut.issued_before >= before) == (0, True)
    assert cut.issued_before - database_now() < timedelta(seconds=1)
    assert cut.issued_before_until >= before + LONGEST[PrincipalKind.ROLE]
    event = AuditEvent.objects.get(type="access.role.cut")
    assert (event.actor_id, event.details["people_in"], event.details["reason"]) == (admin.pk, 1, "a leak")
    assert OutboxMessage.objects.filter(topic="access.role.cut").exists()
    assert due_documents(at=database_now()) == [document.pk]
    work(aws)
    [standing] = aws.documents.values()
    assert (standing.issued_before, standing.entries) == (cut.issued_before, frozenset())
    assert Grant.objects.get(pk=grant.pk).state == "active"
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))


def test_a_cut_while_a_worker_is_at_the_document_is_not_lost(
    document: DenyDocument, make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    grant = make_grant()
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
    done: list[DenyDocument] = []

    def cut() -> None:
        if not done:
            done.append(cut_role(document_id=document.pk, reason="r", actor=SHELL))

    aws.before["write"] = cut
    lease = take_lease(document.pk, "tests")
    assert lease is not None
    assert engine.apply_leased(lease, aws.ports()) == 1
    document.refresh_from_db()
    assert document.issued_before == done[0].issued_before
    assert due_documents(at=database_now()) == [document.pk]
    work(aws)
    [standing] = aws.documents.values()
    assert standing.issued_before == document.issued_before


def test_a_second_cut_moves_it_on_and_shortens_nothing(document: DenyDocument) -> None:
    first = cut_role(document_id=document.pk, reason="r", actor=SHELL)
    assert first.issued_before is not None
    late = database_now() + timedelta(days=5)
    DenyDocument.objects.update(
        issued_before=first.issued_before - timedelta(hours=1), issued_before_until=late
    )
    second = cut_role(document_id=document.pk, reason="r", actor=SHELL)
    assert second.issued_before is not None
    assert (second.issued_before >= first.issued_before, second.issued_before_until) == (True, late)


def test_what_was_in_flight_at_the_cut_is_handed_to_nobody(
    document: DenyDocument, make_grant: Make, aws: FakeAws, actor_of: Make
) -> None:
    """Where room is short its own entry goes, and AWS may issue it after the cut: so it must never leave here."""
    grant = make_grant()
    issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    aws.room = 0

    def end_and_cut() -> None:
        revoke_grant(grant_id=grant.pk, reason="r", actor=SHELL)
        cut_role(document_id=document.pk, reason="r", actor=SHELL)
        work(aws)

    aws.before["assume_role"] = end_and_cut
    with pytest.raises(ConflictError, match="Nothing was handed out"):
        issue_credentials(grant_id=grant.pk, aws=aws.ports(), actor=actor_of(grant.person))
    assert Revocation.objects.get().state == "applied"
    assert aws.denied() == set()
    assert sorted(AwsSession.objects.values_list("state", flat=True)) == ["discarded", "got"]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_it_says_why(document: DenyDocument, reason: str) -> None:
    with pytest.raises(InvalidError, match="Say why"):
        cut_role(document_id=document.pk, reason=reason, actor=SHELL)


def test_only_who_may_revoke_may_cut(
    document: DenyDocument, admin: Person, ben: Person, actor_of: Make
) -> None:
    with pytest.raises(ForbiddenError):
        cut_role(document_id=document.pk, reason="r", actor=actor_of(ben))
    document.refresh_from_db()
    assert document.issued_before is None
    assert not AuditEvent.objects.filter(type="access.role.cut").exists()
    cut_role(document_id=document.pk, reason="r", actor=actor_of(admin))


def test_not_where_there_is_no_kill_switch_or_nothing_at_all(role: AwsRole, document: DenyDocument) -> None:
    AwsRole.objects.filter(pk=role.pk).update(is_writable=False)
    for act in (lambda: document_of_role(role.pk), lambda: preview_cut(document.pk)):
        with pytest.raises(ConflictError, match="no kill switch"):
            act()
    with pytest.raises(ConflictError, match="no kill switch"):
        cut_role(document_id=document.pk, reason="r", actor=SHELL)
    with pytest.raises(NotFoundError):
        cut_role(document_id=document.pk + 1, reason="r", actor=SHELL)
    with pytest.raises(NotFoundError):
        document_of_role(document.account_id)


def test_a_role_has_one_document(role: AwsRole, document: DenyDocument) -> None:
    assert document_of_role(role.pk) == document
