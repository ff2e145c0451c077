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
        about_href=grant_page(grant, reader) if grant is not None else "",
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


def grant_page(grant: Grant, reader: Person) -> str:
    """Return where the reader sees the grant; empty: nowhere."""
    if sees_all_grants(reader) or grant.person_id == reader.pk:
        return reverse("web:grant", args=[grant.pk])
    is_companys = grant.partner_account is not None and grant.partner_account.partner_id == reader.partner_id
    return reverse("web:company-grant", args=[grant.pk]) if is_companys else ""


def _link(name: str, grant: Grant, reader: Person) -> Link:
    """Return where whoever reads this mends it; nothing where that is not theirs."""
    if grant.person_id is not None:
        return OWN[name](grant) if grant.person_id == reader.pk and name in OWN else NOWHERE
    if reader.may("directory.view_partner"):
        return ADMINS[name](grant) if name in ADMINS else NOWHERE
    if name in HANDED_OVER and (page := grant_page(grant, reader)):
        return page, "Show what to use"
    return NOWHERE


def _to_partner(name: str, act: str) -> Callable[[Grant], Link]:
    """A page of the grant's partner, which takes its short name."""

    def link(grant: Grant) -> Link:
        partner = grant.partner
        return (reverse(f"web:{name}", args=[partner.slug]), act) if partner is not None else NOWHERE

    return link


def _to_account(grant: Grant) -> Link:
    account = grant.partner_account
    if account is None:
        return NOWHERE
    return reverse("web:partner-account", args=[account.partner.slug, account.pk]), "Show its ExternalId"


def _to_grant(act: str) -> Callable[[Grant], Link]:
    return lambda grant: (reverse("web:grant", args=[grant.pk]), act)


def _to_sign_in(grant: Grant) -> Link:
    back = reverse("web:grant", args=[grant.pk])
    return f"{reverse('web:sign-in')}?again=1&next={back}", "Sign in again"


NOWHERE: Link = ("", "")
# What a company's own admin finds on the page that says what to use.
HANDED_OVER = frozenset({"role_arn", "external_id", "duration", "session", "client", "scope"})
ADMINS: Mapping[str, Callable[[Grant], Link]] = {
    "role_arn": _to_grant("Open the grant"),
    "partner": _to_partner("partner", "Open the partner"),
    "contract": _to_partner("partner", "Open the partner"),
    "window": _to_partner("partner-grant", "Make a new grant"),
    "role": _to_grant("Open the grant"),
    "account": _to_partner("partner", "Open the partner"),
    "principal": _to_grant("Open the grant"),
    "external_id": _to_account,
    "scope": _to_partner("partner-grant", "Make a new grant"),
    "denies": _to_grant("Open the grant"),
    "drift": lambda _: (reverse("web:drift"), "Show what was changed"),
}
OWN: Mapping[str, Callable[[Grant], Link]] = {
    "window": lambda _: (reverse("web:my-access"), "See what I may take"),
    "kind": _to_grant("Open the grant"),
    "sign_in": _to_sign_in,
    "factor": _to_grant("Open the grant"),
    "call": _to_grant("Open the grant"),
    "aws": _to_grant("Try again"),
    "other": _to_grant("Try again"),
}
