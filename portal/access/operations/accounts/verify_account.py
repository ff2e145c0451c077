"""Verify what the portal can and can't do in an AWS account: asked for on a page, made by a worker, kept with it.

The account's row says how far it is: asked, begun, done. Steps are written as they come, so that a page can follow.
What a worker that died had begun may be asked for again.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import CheckStep, PrincipalKind
from portal.access.operations.permissions import may
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsAccount, AwsRole
from portal.kernel import outbox
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, ForbiddenError, NotFoundError

log = logging.getLogger(__name__)
ASKED = "catalog.account.verify_asked"
# Some forty calls: seconds at AWS. What shows nothing for so long is dead.
STALE = timedelta(minutes=3)
# A worker has it in hand within seconds; a wake-up that nobody took for so long was lost.
UNHEARD = timedelta(seconds=30)
OWN_PATH = "/sallyport/"
NO_HUB = "The hub"


def ask_verification(*, account_pk: UUID, actor: Actor) -> None:
    """Ask for a verification. A worker makes it.

    Raises:
        NotFoundError: no such account, or the actor may not look at accounts.
        ForbiddenError: they may look, and not change any.
        ConflictError: one is under way.
    """
    with transaction.atomic():
        account, now = _locked(account_pk, actor), database_now()
        if account.verify_asked_at is not None and not is_idle(account, at=now):
            raise ConflictError("This account is being verified already: wait for the result.")
        account.verify_asked_at, account.verify_begun_at = now, None
        account.verify_asked_by_id = actor.person_id
        account.save(update_fields=["verify_asked_at", "verify_begun_at", "verify_asked_by"])
        outbox.post(ASKED, at=now, account=str(account.pk))


def is_idle(account: AwsAccount, *, at: datetime) -> bool:
    """Whether nobody works on what was asked for: a wake-up was lost, or a worker killed."""
    if account.verify_begun_at is not None:
        return account.verify_begun_at <= at - STALE
    return account.verify_asked_at is None or account.verify_asked_at <= at - UNHEARD


def verify_asked(*, aws: AwsPorts) -> int:
    """Verify each account that was asked for and that nobody works on. Returns how many."""
    done = 0
    for account in AwsAccount.objects.filter(verify_asked_at__isnull=False, verify_begun_at=None):
        try:
            verify_account(account_pk=account.pk, aws=aws, actor=_asker(account))
        except (NotFoundError, ForbiddenError):  # it must not keep the others waiting
            _drop(account.pk)
        else:
            done += 1
    return done


def _drop(account_pk: UUID) -> None:
    """Forget that somebody asked who may no longer: whoever may asks again."""
    log.warning("the verification of %s was asked by somebody who may not any more", account_pk)
    asked = AwsAccount.objects.filter(pk=account_pk, verify_begun_at=None)
    asked.update(verify_asked_at=None, verify_asked_by=None)


def fail_verifications(*, problem: BrokerError) -> None:
    """Write down that AWS can't even be asked, such as without hub credentials."""
    step = CheckStep(NO_HUB, is_ok=False, detail=str(problem), advice="Give Sallyport AWS credentials.")
    for account in AwsAccount.objects.filter(verify_asked_at__isnull=False, verify_begun_at=None):
        begun_at = _begin(account.pk)
        _finish(account.pk, begun_at, [step], _asker(account))


def verify_account(*, account_pk: UUID, aws: AwsPorts, actor: Actor) -> Sequence[CheckStep]:
    """Try out what the portal can and can't do in the account, by real calls, and keep the steps. No transaction open.

    A later verification of the same account counts; an earlier one that ends after it changes nothing.

    Whatever goes wrong is kept with it, and raised where it is a fault of the portal's own.

    Raises:
        NotFoundError: no such account, or the actor may not look at accounts.
        ForbiddenError: they may look, and not change any.
    """
    with transaction.atomic():
        account = _locked(account_pk, actor)
    begun_at = _begin(account_pk)

    def progress(found: Sequence[CheckStep], now: str) -> None:
        under_way = {"name": now, "is_ok": None, "detail": "", "advice": ""}
        _of_this(account_pk, begun_at).update(verification=[*_kept(found), under_way])

    target = account.deny_target(PrincipalKind.ROLE, _known_role(account))
    place = account.place if account.provisioner_role_arn else None
    try:
        steps = aws.partners.accounts.check(target, place, progress=progress)
    except Exception as fault:
        said = f"{type(fault).__name__}: the worker's log says more."
        _finish(account_pk, begun_at, [CheckStep("The check", is_ok=False, detail=said)], actor)
        raise
    _finish(account_pk, begun_at, steps, actor)
    return steps


def _locked(account_pk: UUID, actor: Actor) -> AwsAccount:
    account = AwsAccount.objects.select_for_update(no_key=True).filter(pk=account_pk).first()
    if account is None or not may(actor, "catalog.view_awsaccount"):
        raise NotFoundError("There is no such AWS account.")
    if not may(actor, "catalog.change_awsaccount"):
        raise ForbiddenError("You may look at AWS accounts, and not verify them.")
    return account


def _known_role(account: AwsAccount) -> str:
    """Return a role on which denies may be tried where no role can be made for it; empty: none."""
    roles = account.roles.filter(
        method=AwsRole.Method.ASSUME_ROLE, is_writable=True, path__startswith=OWN_PATH
    )
    return roles.order_by("name").values_list("name", flat=True).first() or ""


def _begin(account_pk: UUID) -> datetime:
    with transaction.atomic():
        account = AwsAccount.objects.select_for_update(no_key=True).get(pk=account_pk)
        now = database_now()
        account.verify_begun_at = now
        account.verify_asked_at = account.verify_asked_at or now
        account.verification = []
        account.save(update_fields=["verify_begun_at", "verify_asked_at", "verification"])
    return now


def _finish(account_pk: UUID, begun_at: datetime, steps: Sequence[CheckStep], actor: Actor) -> None:
    with transaction.atomic():
        account = AwsAccount.objects.select_for_update(no_key=True).get(pk=account_pk)
        now = database_now()
        _of_this(account_pk, begun_at).update(
            verification=_kept(steps), verified_at=now, verify_asked_at=None, verify_begun_at=None
        )
        failed = [step.name for step in steps if not step.is_ok]
        record(
            Entry(
                type=EventType.ACCOUNT_VERIFIED,
                at=now,
                actor=actor,
                outcome=Outcome.FAILED if failed else Outcome.DONE,
                details={"account": account.account_id, "steps": len(steps), "failed": failed},
            )
        )


def _of_this(account_pk: UUID, begun_at: datetime) -> Any:
    return AwsAccount.objects.filter(pk=account_pk, verify_begun_at=begun_at)


def _kept(steps: Sequence[CheckStep]) -> list[dict[str, Any]]:
    return [asdict(step) for step in steps]


def _asker(account: AwsAccount) -> Actor:
    person = account.verify_asked_by
    if person is None:
        return Actor.system("verification of accounts")
    return Actor(kind=ActorKind.PERSON, label=person.name, person_id=person.pk)
