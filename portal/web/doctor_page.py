"""From a diagnosis to its page: what stopped it first, each step with the link that mends it, where the reader may."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from django.urls import reverse

from portal.access.doctor import DoctorStep, Verdict, sentence, stopped_by
from portal.access.models import Grant
from portal.directory.models import Person
from portal.kernel.clock import database_now
from portal.web.guard import sees_all_grants, zone_of
from portal.web.presenters import moment
from portal.web.presenters.doctor import TITLES, VERDICTS, DoctorResult, StepRow

Link = tuple[str, str]
CAUSES = frozenset({Verdict.STOPPED, Verdict.MAYBE})


def doctor_result(
    steps: Sequence[DoctorStep], *, grant: Grant | None, at: datetime, reader: Person
) -> DoctorResult:
    cause = stopped_by(steps)
    rows = [(step.verdict, _row(step, cause, grant, reader)) for step in steps]
    is_certain = any(step.verdict == Verdict.STOPPED for step in steps)
    # With something certain, what else may be is no cause to show on top.
    on_top = {Verdict.STOPPED} if is_certain else CAUSES
    return DoctorResult(
        headline=sentence(steps)
        if is_certain or not cause
        else "Nothing here stops it for certain. This may:",
        is_found=bool(cause),
        is_certain=is_certain,
        causes=tuple(row for verdict, row in rows if verdict in on_top),
        rest=tuple(row for verdict, row in rows if verdict not in on_top),
        at=moment(at, now=database_now(), zone=zone_of(reader)),
        about=_about(grant) if grant is not None else "",
        about_href=_grant_page(grant, reader) if grant is not None else "",
    )


def _row(step: DoctorStep, cause: str, grant: Grant | None, reader: Person) -> StepRow:
    needs_act = step.verdict in CAUSES
    href, act = _link(step.name, grant, reader) if needs_act and grant is not None else ("", "")
    return StepRow(
        name=step.name,
        title=TITLES.get(step.name, step.name),
        badge=VERDICTS[step.verdict],
        # What stopped it for certain stands in the headline already.
        detail="" if step.name == cause and step.verdict == Verdict.STOPPED else step.detail,
        advice=step.advice if step.verdict != Verdict.OK or step.name == "external_id" else "",
        paste=step.paste,
        href=href,
        act=act,
        is_cause=step.name == cause,
    )


def _about(grant: Grant) -> str:
    return f"{grant.subject_name}: {grant.scope_summary or grant.role.title}"


def _grant_page(grant: Grant, reader: Person) -> str:
    may_open = sees_all_grants(reader) or grant.person_id == reader.pk
    return reverse("web:grant", args=[grant.pk]) if may_open else ""


def _link(name: str, grant: Grant, reader: Person) -> Link:
    """Return where whoever reads this mends it; nothing where that is not theirs."""
    if grant.person_id == reader.pk and name in OWN:
        return OWN[name](grant)
    if grant.partner_account_id is not None and reader.may("directory.view_partner") and name in ADMINS:
        return ADMINS[name](grant)
    return "", ""


def _to_partner(act: str) -> Callable[[Grant], Link]:
    def link(grant: Grant) -> Link:
        partner = grant.partner
        return (reverse("web:partner", args=[partner.slug]), act) if partner is not None else ("", "")

    return link


def _to_grant(act: str) -> Callable[[Grant], Link]:
    return lambda grant: (reverse("web:grant", args=[grant.pk]), act)


def _to_sign_in(grant: Grant) -> Link:
    back = reverse("web:grant", args=[grant.pk])
    return f"{reverse('web:sign-in')}?again=1&next={back}", "Sign in again"


ADMINS: Mapping[str, Callable[[Grant], Link]] = {
    "role_arn": _to_grant("Open the grant"),
    "partner": _to_partner("Open the partner"),
    "contract": _to_partner("Open the partner"),
    "window": _to_partner("Make a new grant"),
    "role": _to_grant("Open the grant"),
    "account": _to_partner("Open the partner"),
    "principal": _to_grant("Open the grant"),
    "external_id": _to_partner("Show its ExternalId"),
    "scope": _to_partner("Make a new grant"),
    "denies": _to_grant("Open the grant"),
    "drift": _to_grant("Open the grant"),
}
OWN: Mapping[str, Callable[[Grant], Link]] = {
    "window": lambda _: (reverse("web:my-access"), "See what I may take"),
    "kind": _to_grant("Open the grant"),
    "sign_in": _to_sign_in,
    "factor": _to_grant("Open the grant"),
    "aws": _to_grant("Try again"),
    "other": _to_grant("Try again"),
}
