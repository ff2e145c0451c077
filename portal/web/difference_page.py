"""From a kept comparison to its page: what is not alike, by kind, what became of each, and what is to be done first."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from portal.access.differences import Difference, Kind, Remedy, Report
from portal.access.models import Hold, Reconciliation
from portal.access.operations.drift.reconcile import last_made, not_taken_over, report_of, under_way
from portal.access.operations.running.hold import open_hold
from portal.catalog.models import AwsAccount
from portal.web.presenters import AccountLabel, Badge, moment
from portal.web.presenters.difference import (
    DifferenceGroup,
    DifferencePage,
    DifferenceRow,
    RepairView,
    UnderWay,
)

# Of each kind; the buttons and the command reach all of them.
SHOWN = 100
# A worker begins within a second or two.
SLOW = timedelta(seconds=20)
DONE = Badge("Done", "live", "check")
REFUSED = Badge("Not repaired", "danger", "alert")
TITLES = {
    Kind.MISSING_DENY: "Denies that are missing in AWS",
    Kind.CHANGED_POLICY: "Policies that somebody changed",
    Kind.MISSING_CUT: "Cuts of a whole role that are missing in AWS",
    Kind.UNKNOWN_CUT: "Cuts of a whole role that nothing here explains",
    Kind.DENIED_LIVING: "Denied in AWS, living here",
    Kind.ENDED_DENY: "Denied in AWS, and ended here for another reason",
    Kind.STALE_DENY: "Denies that have served",
    Kind.UNKNOWN_DENY: "Denied in AWS, unknown here",
    Kind.FOREIGN_DENY: "Names that Sallyport never gives",
    Kind.PRINCIPAL_GONE: "Gone in AWS",
    Kind.MADE_ANEW: "Made anew in AWS",
    Kind.LEFTOVER_POLICY: "Policies left behind",
    Kind.FOREIGN_POLICY: "Policies of others under Sallyport's path",
}
ACTS = {
    Remedy.REVOKE_HERE: "Revoke here what AWS denies already, and keep its deny",
    Remedy.KEEP_DENY: "Keep denies that nothing here explains until their sessions are dead",
    Remedy.KEEP_CUT: "Keep the cut of a whole role until its sessions are dead",
    Remedy.KEEP_ID: "Keep the new id of a role that was made anew",
    Remedy.PUT_RIGHT: "Have a worker write what AWS should have",
    Remedy.CLEAN_UP: "Have a worker remove policies that were left behind",
}


def difference_page(*, now: datetime, zone: tzinfo) -> DifferencePage:
    made, hold = last_made(), open_hold()
    waiting = _under_way(under_way(), now, zone)
    if made is None or made.made_at is None:
        return DifferencePage(under_way=waiting, hold=hold.reason if hold else "")
    report = report_of(made)
    return DifferencePage(
        report_id=made.pk,
        made=moment(made.made_at, now=now, zone=zone),
        made_by=made.asked_by,
        problem=made.problem,
        looked_at=report.looked_at,
        is_clean=report.is_clean and not made.problem,
        groups=_groups(report, made.outcomes),
        unasked=tuple(report.unasked.items()),
        unsettled=report.unsettled,
        repairable=len(repairable(made)),
        to_take_over=len(not_taken_over()),
        under_way=waiting,
        hold=hold.reason if hold else "",
        looked_in_hold=_was_looked_at(hold),
    )


def repairable(made: Reconciliation) -> list[Difference]:
    """Return what can be repaired and was not yet."""
    return [
        each
        for each in report_of(made).differences
        if each.remedy != Remedy.NONE and made.outcomes.get(each.key) != ""
    ]


def repair_view(made: Reconciliation, keys: Collection[str] | None) -> RepairView:
    """Return what repairing those of `keys`, or all (None), is going to do."""
    chosen = [each for each in repairable(made) if keys is None or each.key in keys]
    acts = []
    for remedy, words in ACTS.items():
        of_it = [each for each in chosen if each.remedy == remedy]
        if of_it:
            named = of_it[:SHOWN] if remedy.adopts else []
            acts.append((f"{words}: {len(of_it)}", tuple(each.words for each in named)))
    return RepairView(
        report_id=made.pk,
        keys=tuple(each.key for each in chosen) if keys is not None else (),
        everything=keys is None,
        number=len(chosen),
        acts=tuple(acts),
        waits_for_release=open_hold() is not None and any(each.remedy.writes_aws for each in chosen),
    )


def _was_looked_at(hold: Hold | None) -> bool:
    return hold is not None and hold.looked_at is not None and hold.looked_at >= hold.entered_at


def _under_way(row: Reconciliation | None, now: datetime, zone: tzinfo) -> UnderWay | None:
    if row is None:
        return None
    return UnderWay(
        asked=moment(row.asked_at, now=now, zone=zone),
        asked_by=row.asked_by,
        how_far=(row.progress or "AWS is being asked") if row.begun_at else "",
        is_slow=row.begun_at is None and row.asked_at < now - SLOW,
    )


def _groups(report: Report, outcomes: Mapping[str, str]) -> tuple[DifferenceGroup, ...]:
    numbers = {each.principal.account for each in report.differences}
    names = dict(AwsAccount.objects.filter(account_id__in=numbers).values_list("account_id", "name"))
    return tuple(
        DifferenceGroup(kind.value, TITLES[kind], len(found), _rows(found[:SHOWN], names, outcomes))
        for kind, found in report.grouped().items()
    )


def _rows(
    found: Sequence[Difference], names: Mapping[str, str], outcomes: Mapping[str, str]
) -> tuple[DifferenceRow, ...]:
    return tuple(_row(each, names.get(each.principal.account, ""), outcomes.get(each.key)) for each in found)


def _row(found: Difference, account: str, outcome: str | None) -> DifferenceRow:
    where = found.principal
    badge = None if outcome is None else REFUSED if outcome else DONE
    return DifferenceRow(
        key=found.key,
        where=f"{where.kind} {where.name}" if where.name else "the account",
        account=AccountLabel(account, where.account),
        words=found.words,
        repair=found.repair,
        grants=found.grants[:5],
        can_repair=found.remedy != Remedy.NONE and outcome != "",
        badge=badge,
        refused=outcome or "",
    )
