"""AWS accounts: connected with what their roles are to be called, and verified as they are asked to be."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from brokers.errors import AwsUnavailable, NotPossible
from brokers.types import AccountPlace, CheckStep, DenyTarget, Partition
from portal.access.operations.accounts import verify_account as verifying
from portal.access.operations.accounts.connect_account import AccountOrder, connect_account
from portal.access.operations.accounts.verify_account import (
    ask_verification,
    fail_verifications,
    is_idle,
    verify_account,
    verify_asked,
)
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount, AwsRole
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from portal.kernel.models import OutboxMessage
from tests.fakes import UNAVAILABLE, FakeAws
from tests.standing_roles import make_their_account
from tests.world import as_actor, make_admin, make_person

pytestmark = pytest.mark.django_db
SHELL = Actor.command("test")
NUMBER = "222233334444"
FINE = CheckStep("The hub", is_ok=True, detail="Sallyport calls AWS as x.")
WRONG = CheckStep("Become the revoker", is_ok=False, detail="AccessDenied", advice="Trust the hub.")


def order(**changes: Any) -> AccountOrder:
    return AccountOrder(**{"name": "Meadow Production", "account_id": NUMBER} | changes)


def make_account(**fields: Any) -> AwsAccount:
    return AwsAccount.objects.create(**{"name": "Meadow Production", "account_id": NUMBER} | fields)


def test_it_is_connected_with_the_templates_names() -> None:
    aws = FakeAws()
    made = connect_account(order=order(account_id=" 2222-3333-4444"), aws=aws.ports(), actor=SHELL)
    assert made.revoker_role_arn == f"arn:aws:iam::{NUMBER}:role/SallyportRevoker"
    assert made.provisioner_role_arn == f"arn:aws:iam::{NUMBER}:role/SallyportProvisioner"
    event = AuditEvent.objects.get(type="staff.record.added")
    assert event.details["name"] == f"Meadow Production ({NUMBER})"
    china = order(name="China", account_id="222233334445", partition=Partition.CHINA, lets_partners_in=False)
    other = connect_account(order=china, aws=aws.ports(), actor=SHELL)
    assert other.revoker_role_arn == "arn:aws-cn:iam::222233334445:role/SallyportRevoker"
    assert other.provisioner_role_arn == ""
    hubs = connect_account(order=order(name="Hub", account_id="111111111111"), aws=aws.ports(), actor=SHELL)
    assert hubs.revoker_role_arn == "", "the hub writes there itself"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"account_id": "22223333444"}, "account_id"),
        ({"account_id": "2" * 11 + "\u0662"}, "account_id"),
        ({"name": ""}, "name"),
        ({"name": "Known"}, "name"),
        ({"account_id": "999988887777"}, "account_id"),
        ({"account_id": "444455556666"}, "account_id"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changes: dict[str, Any], field: str) -> None:
    make_account(name="Known", account_id="999988887777")
    make_their_account(account_id="444455556666")
    with pytest.raises(InvalidError) as refused:
        connect_account(order=order(**changes), aws=FakeAws().ports(), actor=SHELL)
    assert refused.value.field == field
    assert AwsAccount.objects.filter(account_id=NUMBER).count() == 0


def test_who_may_connect() -> None:
    aws = FakeAws().ports()
    with pytest.raises(ForbiddenError):
        connect_account(order=order(), aws=aws, actor=as_actor(make_admin("view_awsaccount")))
    connect_account(order=order(), aws=aws, actor=as_actor(make_admin("add_awsaccount", name="Bea")))


def test_a_verification_is_kept_step_by_step() -> None:
    aws, account = FakeAws(), make_account()
    aws.partners.steps = [FINE, WRONG]
    seen: list[list[Any]] = []

    class Watching:
        def check(
            self, target: DenyTarget, place: AccountPlace | None, *, progress: Any
        ) -> Sequence[CheckStep]:
            for number, step in enumerate(aws.partners.steps):
                progress(aws.partners.steps[:number], step.name)
                account.refresh_from_db()
                seen.append([(each["name"], each["is_ok"]) for each in account.verification])
                assert account.verify_begun_at is not None
            assert place is None
            assert target.name == ""
            return aws.partners.steps

    ports = aws.ports()
    checker: Any = Watching()
    watched = replace(ports, partners=replace(ports.partners, accounts=checker))
    assert verify_account(account_pk=account.pk, aws=watched, actor=SHELL) == [FINE, WRONG]
    assert seen == [[("The hub", None)], [("The hub", True), ("Become the revoker", None)]]
    account.refresh_from_db()
    assert [each["is_ok"] for each in account.verification] == [True, False]
    assert (account.verify_asked_at, account.verify_begun_at) == (None, None)
    assert account.verified_at is not None
    event = AuditEvent.objects.get(type="catalog.account.verified")
    assert (event.outcome, event.details["failed"]) == ("failed", ["Become the revoker"])
    aws.partners.steps = [FINE]
    verify_account(account_pk=account.pk, aws=aws.ports(), actor=SHELL)
    assert AuditEvent.objects.order_by("id").filter(type="catalog.account.verified")[1].outcome == "done"


def test_denies_are_tried_on_a_role_that_the_portal_writes() -> None:
    aws, account = (
        FakeAws(),
        make_account(provisioner_role_arn=f"arn:aws:iam::{NUMBER}:role/SallyportProvisioner"),
    )
    AwsRole.objects.create(account=account, title="Others", name="Elsewhere", path="/team/")
    AwsRole.objects.create(
        account=account, title="Kept off", name="Ours", path="/sallyport/", is_writable=False
    )
    AwsRole.objects.create(account=account, title="Ours", name="Reader", path="/sallyport/")
    verify_account(account_pk=account.pk, aws=aws.ports(), actor=SHELL)
    (target, place) = aws.asked("check_account")[-1]
    assert target.name == "Reader"
    assert place == account.place


def test_denies_are_never_tried_on_a_partners_role() -> None:
    aws, account = FakeAws(), make_account()
    AwsRole.objects.create(
        account=account, title="Acme", name="sp-a", path="/sallyport/partners/acme/", method="cross_account"
    )
    verify_account(account_pk=account.pk, aws=aws.ports(), actor=SHELL)
    assert aws.asked("check_account")[-1][0].name == ""
    AwsRole.objects.create(account=account, title="Ours", name="Reader", path="/sallyport/")
    verify_account(account_pk=account.pk, aws=aws.ports(), actor=SHELL)
    assert aws.asked("check_account")[-1][0].name == "Reader"


def test_it_is_asked_for_once_and_again_when_nobody_took_it() -> None:
    account, ada = make_account(), make_admin("view_awsaccount", "change_awsaccount")
    ask_verification(account_pk=account.pk, actor=as_actor(ada))
    assert OutboxMessage.objects.get(topic=verifying.ASKED).payload == {"account": str(account.pk)}
    with pytest.raises(ConflictError):
        ask_verification(account_pk=account.pk, actor=as_actor(ada))
    AwsAccount.objects.update(verify_asked_at=database_now() - timedelta(seconds=31))
    ask_verification(account_pk=account.pk, actor=as_actor(ada))
    aws = FakeAws()
    aws.partners.steps = [FINE]
    assert verify_asked(aws=aws.ports()) == 1
    assert verify_asked(aws=aws.ports()) == 0
    assert AuditEvent.objects.get(type="catalog.account.verified").actor_id == ada.pk
    # Begun, and the worker was killed.
    now = database_now()
    AwsAccount.objects.update(verify_asked_at=now, verify_begun_at=now - timedelta(minutes=4))
    account.refresh_from_db()
    assert is_idle(account, at=now)
    ask_verification(account_pk=account.pk, actor=as_actor(ada))
    assert verify_asked(aws=aws.ports()) == 1


def test_a_verification_that_was_overtaken_changes_nothing() -> None:
    aws, account = FakeAws(), make_account()
    aws.partners.steps = [WRONG]
    first = verifying._begin(account.pk)
    second = verifying._begin(account.pk)
    verifying._finish(account.pk, second, [FINE], SHELL)
    verifying._finish(account.pk, first, [WRONG], SHELL)
    account.refresh_from_db()
    assert [each["name"] for each in account.verification] == ["The hub"]


def test_an_aws_that_cannot_be_asked_is_a_result_too() -> None:
    account = make_account()
    ask_verification(account_pk=account.pk, actor=SHELL)
    fail_verifications(problem=NotPossible("The hub has no AWS credentials."))
    account.refresh_from_db()
    assert [(each["is_ok"], each["detail"]) for each in account.verification] == [
        (False, "The hub has no AWS credentials.")
    ]
    assert account.verify_asked_at is None


def test_who_may_verify() -> None:
    account, aws = make_account(), FakeAws().ports()
    for actor, refusal in (
        (as_actor(make_person()), NotFoundError),
        (as_actor(make_admin("view_awsaccount")), ForbiddenError),
    ):
        with pytest.raises(refusal):
            verify_account(account_pk=account.pk, aws=aws, actor=actor)
        with pytest.raises(refusal):
            ask_verification(account_pk=account.pk, actor=actor)
    both = as_actor(make_admin("view_awsaccount", "change_awsaccount", name="Bea"))
    verify_account(account_pk=account.pk, aws=aws, actor=both)


@pytest.mark.parametrize("loses", ["their place", "the right"])
def test_who_asked_and_may_no_longer_keeps_nobody_else_waiting(loses: str) -> None:
    ada = make_admin("view_awsaccount", "change_awsaccount")
    bea = make_admin("view_awsaccount", "change_awsaccount", name="Bea")
    hers, account = make_account(name="A, hers"), make_account(account_id="222233334445", name="B")
    ask_verification(account_pk=hers.pk, actor=as_actor(ada))
    ask_verification(account_pk=account.pk, actor=as_actor(bea))
    if loses == "the right":
        ada.user_permissions.clear()
    else:
        type(ada).objects.filter(pk=ada.pk).update(is_active=False, deactivated_at=database_now())
    aws = FakeAws()
    aws.partners.steps = [FINE]
    assert verify_asked(aws=aws.ports()) == 1
    hers.refresh_from_db()
    account.refresh_from_db()
    assert (hers.verified_at, hers.verify_asked_at) == (None, None)
    assert account.verified_at is not None
    assert AuditEvent.objects.get(type="catalog.account.verified").actor_id == bea.pk


def test_a_fault_is_a_result_too_and_it_can_be_asked_again() -> None:
    account, aws = make_account(), FakeAws()
    aws.fail["check_account"] = UNAVAILABLE
    ask_verification(account_pk=account.pk, actor=SHELL)
    with pytest.raises(AwsUnavailable):
        verify_asked(aws=aws.ports())
    account.refresh_from_db()
    assert account.verification[0]["detail"] == "AwsUnavailable: the worker's log says more."
    ask_verification(account_pk=account.pk, actor=SHELL)
