"""What a grant to a partner's account would be, before it is made: in words, as a table, and as AWS will have it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from brokers.types import PolicyFinding, ServiceAccess, Severity
from portal.access.operations.partners.make_partner_grant import PartnerGrantPreview
from portal.directory.models import Partner
from portal.web.partner_grant_form import PartnerGrantForm
from portal.web.partner_lines import Clock
from portal.web.presenters import AccountLabel, Badge
from portal.web.presenters.now import PolicySize
from portal.web.presenters.partner_grants import AccessLevel, AccessRow, FindingRow, GrantPreview

SEVERITIES = {
    Severity.ERROR: Badge("Error", "danger", "alert"),
    Severity.WARNING: Badge("Warning", "wait", "alert"),
    Severity.NOTE: Badge("Note", "quiet", "info"),
}
WRITING = {"Write", "Tagging", "Permissions", "Permissions management"}
WHOLE_ACCOUNT = "Everybody whom the admins of that account let: AWS trusts the account as a whole."


def preview_view(
    partner: Partner, preview: PartnerGrantPreview, form: PartnerGrantForm, clock: Clock
) -> GrantPreview:
    ours = next(each for each in form.places if str(each.pk) == form.cleaned_data["account"])
    theirs = partner.aws_accounts.get(pk=form.cleaned_data["partner_account"])
    is_whole = preview.principal_arn.endswith(":root")
    return GrantPreview(
        slug=partner.slug,
        partner=partner.name,
        summary=preview.summary,
        theirs=AccountLabel(theirs.name, theirs.account_id),
        principal=preview.principal_arn,
        whom=WHOLE_ACCOUNT if is_whole else "",
        ours=AccountLabel(ours.name, ours.account_id),
        starts=clock.moment(preview.starts_at),
        starts_now=preview.starts_at <= clock.now,
        ends=clock.moment(preview.ends_at),
        reason=form.cleaned_data["reason"],
        access=tuple(_access(each) for each in preview.access),
        findings=tuple(_finding(each) for each in preview.findings),
        sizes=tuple(_sizes(preview)),
        managed_policy_arns=preview.managed_policy_arns,
        trust=_text(preview.trust),
        permissions=_text(preview.permissions),
        sent=tuple(form.sent(preview.digest)),
    )


def _access(found: ServiceAccess) -> AccessRow:
    return AccessRow(
        service=found.name or found.service,
        levels=tuple(
            AccessLevel(level, ", ".join(actions), level in WRITING)
            for level, actions in found.levels.items()
        ),
        resources=found.resources,
        conditions=found.conditions,
    )


def _finding(found: PolicyFinding) -> FindingRow:
    return FindingRow(SEVERITIES[found.severity], found.where, found.text, found.advice)


def _sizes(preview: PartnerGrantPreview) -> Sequence[PolicySize]:
    sizes = preview.sizes
    told = (
        ("Trust policy", sizes.trust, sizes.trust_limit),
        ("Permissions", sizes.inline, sizes.inline_limit),
    )
    return [
        PolicySize(name, f"{size:,} of {limit:,} characters", round(100 * size / limit))
        for name, size, limit in told
    ]


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)
