"""Comparisons with AWS as they are asked for, made and kept: the page asks, a worker makes, both look at the row.

Asking posts into the outbox; whoever makes it takes the row. A look that a killed worker left is taken over.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from portal.access.differences import Difference, Report
from portal.access.models import Hold, Reconciliation
from portal.access.operations.drift.ask_principals import Progress
from portal.access.operations.drift.find_differences import find_differences
from portal.access.operations.drift.repair_differences import Repaired, repair_differences
from portal.access.operations.permissions import check_may_revoke_any
from portal.access.operations.running.hold import note_looked, open_hold
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError

# A look takes seconds, minutes with many accounts that answer nothing; one that shows nothing for longer is dead.
STALE = timedelta(minutes=10)
KEPT = timedelta(days=90)
MOST_LOOKS = 20
UNHEARD = timedelta(seconds=30)
ASKED = "access.difference.asked"


def ask_comparison(*, actor: Actor) -> Reconciliation:
    """Ask for a comparison. A worker makes it.

    Raises:
        ForbiddenError: the actor may not revoke.
        ConflictError: one is under way.
    """
    check_may_revoke_any(actor, "Only somebody who may revoke can compare the portal with AWS.")
    try:
        with transaction.atomic():
            now = database_now()
            row = Reconciliation.objects.create(asked_at=now, asked_by=actor.label[:200])
            outbox.post(ASKED, at=now, reconciliation=str(row.pk))
    except IntegrityError:
        return _ask_again()
    return row


def _ask_again() -> Reconciliation:
    """Wake a worker once more for a comparison that nobody works on: a wake-up was lost, or a worker killed."""
    with transaction.atomic():
        row = Reconciliation.objects.select_for_update(no_key=True).filter(made_at=None).first()
        now = database_now()
        idle = row is not None and (
            row.asked_at <= now - UNHEARD if row.begun_at is None else row.begun_at <= now - STALE
        )
        if row is None or not idle:
            raise ConflictError("A comparison with AWS is under way already: wait for its result.")
        outbox.post(ASKED, at=now, reconciliation=str(row.pk))
    return row


def make_comparison(*, aws: AwsPorts) -> Report | None:
    """Make the comparison that was asked for, and keep it. None: nothing waits for one.

    Whatever goes wrong is kept with it, and raised where it is a fault of the portal's own.
    """
    row = _take(database_now())
    if row is None:
        return None
    try:
        report = find_differences(aws=aws, progress=lambda done, total: _tell(row, done, total))
    except Exception as fault:
        _finish(row, problem=f"{type(fault).__name__}: the worker's log says more")
        raise
    _finish(row, report=report)
    return report


def fail_comparison(*, problem: BrokerError) -> None:
    """Write down that AWS can't even be asked, such as without hub credentials."""
    row = _take(database_now())
    if row is not None:
        _finish(row, problem=str(problem))


def compare_now(*, aws: AwsPorts, actor: Actor, progress: Progress | None = None) -> Reconciliation:
    """Make a comparison at once, in this process, and keep it.

    Raises:
        ForbiddenError: the actor may not revoke.
    """
    check_may_revoke_any(actor, "Only somebody who may revoke can compare the portal with AWS.")
    asked_at = database_now()
    report = find_differences(aws=aws, progress=progress)
    row = Reconciliation(asked_at=asked_at, asked_by=actor.label[:200], begun_at=asked_at)
    _finish(row, report=report)
    return row


def repair_chosen(*, made: Reconciliation, keys: Collection[str], actor: Actor, aws: AwsPorts) -> Repaired:
    """Repair differences of a kept comparison, and keep with it what became of each.

    What was repaired already is left out.

    Raises:
        ForbiddenError: the actor may not revoke.
    """
    chosen = [
        each for each in report_of(made).differences if each.key in keys and made.outcomes.get(each.key) != ""
    ]
    repaired = repair_differences(chosen=chosen, actor=actor, aws=aws)
    with transaction.atomic():
        row = Reconciliation.objects.select_for_update(no_key=True).get(pk=made.pk)
        row.outcomes |= dict.fromkeys(repaired.done, "") | dict(repaired.refused)
        row.save(update_fields=["outcomes"])
    made.outcomes = row.outcomes
    return repaired


def report_of(made: Reconciliation) -> Report:
    return Report() if made.report is None else Report.from_json(made.report)


def last_made() -> Reconciliation | None:
    """Return the newest comparison that was made; one that could not be is one, too."""
    return Reconciliation.objects.filter(made_at__isnull=False).order_by("-made_at").first()


def under_way() -> Reconciliation | None:
    return Reconciliation.objects.filter(made_at=None).first()


def not_taken_over() -> list[Difference]:
    """Return what AWS knows better by the last look and nobody took over: the next writing there would lift it.

    In hold only looks that were made since it began count. A look that failed, or that could not compare all, says
    nothing of what an earlier one found there.
    """
    seen: set[str] = set()
    left: list[Difference] = []
    for made in _looks_since(open_hold()):
        report = report_of(made)
        found = [each for each in report.differences if each.remedy.adopts and each.key not in seen]
        left += [each for each in found if made.outcomes.get(each.key) != ""]
        seen |= {each.key for each in found}
        if not (report.unasked or report.unsettled):
            break
    return left


def not_compared() -> list[str]:
    """Return what the last look could not compare, in words: what AWS denies there, nobody here knows."""
    made = next(iter(_looks_since(open_hold())), None)
    report = Report() if made is None else report_of(made)
    return [f"{what}: {why}" for what, why in report.unasked.items()] + [
        f"{what}: it was being written at each look" for what in report.unsettled
    ]


def _looks_since(hold: Hold | None) -> QuerySet[Reconciliation]:
    looks = Reconciliation.objects.filter(made_at__isnull=False, report__isnull=False)
    if hold is not None:
        looks = looks.filter(made_at__gte=hold.entered_at)
    return looks.order_by("-made_at")[:MOST_LOOKS]


def _take(now: datetime) -> Reconciliation | None:
    with transaction.atomic():
        row = Reconciliation.objects.select_for_update(no_key=True).filter(made_at=None).first()
        if row is None or (row.begun_at is not None and row.begun_at > now - STALE):
            return None
        row.begun_at = now
        row.save(update_fields=["begun_at"])
    return row


def _tell(row: Reconciliation, done: int, total: int) -> None:
    Reconciliation.objects.filter(pk=row.pk).update(progress=f"{done} of {total} roles and users")


def _finish(row: Reconciliation, *, report: Report | None = None, problem: str = "") -> None:
    """Keep it; in hold, note that the difference was looked at, unless AWS showed nothing of it at all."""
    with transaction.atomic():
        row.made_at, row.progress, row.problem = database_now(), "", problem[:300]
        row.report = None if report is None else report.to_json()
        row.save()
        Reconciliation.objects.filter(made_at__lt=row.made_at - KEPT).delete()
        if report is not None and (report.looked_at or not report.unasked):
            note_looked(at=row.made_at)
