"""The lower half of the operators' page: how long cut-offs took, what stands in AWS, where nothing can be cut."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from brokers.types import PrincipalKind
from portal.access import operating_queries as operating
from portal.access.models import DenyDocument
from portal.access.operating_queries import CutOff
from portal.web.now_lines import Operator, fingerprint
from portal.web.presenters import AccountLabel, Badge
from portal.web.presenters.charts import histogram, seconds_words, share_within
from portal.web.presenters.now import CutOffPart, DocumentLine, PolicySize, UncutRole

DAYS = 7
NEWEST = 1000
DOCUMENTS = 50
ROLES = 20
BOUNDS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
# Characters that AWS takes: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html. The inline
# one is shared with what others have there.
INLINE = {PrincipalKind.ROLE.value: 10_240, PrincipalKind.USER.value: 2_048}
INLINE_NAME = "SallyportRevoked"
MANAGED = 6_144


def cut_off_part(who: Operator) -> CutOffPart:
    cut_offs = operating.cut_offs(who.now - timedelta(days=DAYS), limit=NEWEST)
    found = operating.deny_documents(limit=DOCUMENTS + 1)
    documents = tuple(_document(document, who) for document in found[:DOCUMENTS])
    roles = operating.granted_roles_without_kill_switch(who.now, limit=ROLES)
    uncut = tuple(
        UncutRole(role.title, role.arn, AccountLabel(role.account.name, role.account.account_id), number)
        for role, number in roles
    )
    rows = histogram(
        [cut.applied for cut in cut_offs], [c.proven for c in cut_offs if c.proven is not None], BOUNDS
    )
    summary = _summary(cut_offs)
    more = len(found) > DOCUMENTS
    told = fingerprint((rows, summary, documents, more, uncut))
    return CutOffPart(DAYS, summary, rows, documents, more, uncut, who.difference, told)


def _summary(cut_offs: Sequence[CutOff]) -> str:
    if not cut_offs:
        return ""
    applied, proven = (
        [cut.applied for cut in cut_offs],
        [cut.proven for cut in cut_offs if cut.proven is not None],
    )
    which = f"The newest {NEWEST:,}" if len(cut_offs) == NEWEST else f"{len(cut_offs):,}"
    said = f"{which} cut-off{'s' if len(cut_offs) != 1 else ''}. AWS showed the deny: {_spread(applied)}."
    if proven:
        return f"{said} It was seen to refuse the sessions: {_spread(proven)}."
    return f"{said} None was proven by a probe."


def _spread(values: Sequence[float]) -> str:
    half, most, longest = share_within(values, 0.5), share_within(values, 0.99), max(values)
    return (
        f"half within {seconds_words(half)}, 99 of 100 within {seconds_words(most)}, "
        f"the longest after {seconds_words(longest)}"
    )


def _document(document: DenyDocument, who: Operator) -> DocumentLine:
    at_work = document.leased_until is not None and document.leased_until > who.now
    return DocumentLine(
        cut_id=document.pk if who.may_retry else None,
        name=document.name,
        kind=document.kind,
        account=AccountLabel(document.account.name, document.account.account_id),
        entries=document.entries,
        policies=tuple(_policies(document)),
        looked=who.instant(document.checked_at) if document.checked_at else None,
        look_again=who.instant(document.recheck_at) if document.recheck_at else None,
        badge=Badge("Being written", "wait", "clock") if at_work else _standing(document),
    )


def _standing(document: DenyDocument) -> Badge:
    if document.issued_before is not None:
        return Badge("Everybody cut", "danger", "ban")
    return Badge("Stands", "live", "check") if document.entries else Badge("Nothing left", "quiet", "stop")


def _policies(document: DenyDocument) -> Iterable[PolicySize]:
    policy: dict[str, Any]
    for policy in document.policies:
        name, characters = str(policy["name"]), int(policy["characters"])
        limit = INLINE[document.kind] if name == INLINE_NAME else MANAGED
        yield PolicySize(
            name, f"{characters:,} of {limit:,} characters", min(100, round(100 * characters / limit))
        )
