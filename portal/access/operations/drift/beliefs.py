"""What the portal believes of each role and user that it manages, read from the database: the engine's own word."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from brokers.ports import AwsPorts
from brokers.types import PrincipalKind
from portal.access.compare import Belief
from portal.access.differences import Principal
from portal.access.lifecycle import STANDING, RevocationState
from portal.access.models import DenyDocument, Grant, KeptDeny, Revocation
from portal.access.operations.cutting.wanted_denies import Wanted, entries_of, wanted_denies
from portal.catalog.models import AwsAccount, AwsRole


@dataclass(frozen=True, slots=True)
class Believed:
    """A belief, and the mark of the document that it was read from: what is the same twice was not written between.

    `at_work`: a worker holds the document's lease.
    """

    belief: Belief
    mark: tuple[object, ...] = ()
    at_work: bool = False


def managed_principals() -> Mapping[Principal, AwsAccount]:
    """Return each role and user that has a kill switch or a document of denies, with its account."""
    found = {
        principal_of_role(role): role.account
        for role in AwsRole.objects.select_related("account")
        if role.has_kill_switch and not role.is_made_for_partner
    }
    for document in DenyDocument.objects.select_related("account"):
        found[principal_of(document)] = document.account
    return dict(sorted(found.items()))


def read_beliefs(
    principals: Mapping[Principal, AwsAccount],
    aws: AwsPorts,
    *,
    at: datetime,
    gone: Collection[Principal] = (),
) -> Mapping[Principal, Believed]:
    """Return what is believed of each. The living grants are read of those that are `gone` alone."""
    documents = _read_documents(principals)
    roles: dict[Principal, list[AwsRole]] = {}
    for role in AwsRole.objects.filter(account__in=set(principals.values())).select_related("account"):
        roles.setdefault(principal_of_role(role), []).append(role)
    found = {}
    for principal in principals:
        mine = roles.get(principal, [])
        believed = _believed(principal, documents.get(principal), mine, aws, at)
        if principal in gone:
            believed = replace(believed, belief=replace(believed.belief, living=_living(mine)))
        found[principal] = believed
    return found


def principal_of(document: DenyDocument) -> Principal:
    return Principal(document.account.account_id, PrincipalKind(document.kind), document.name)


def principal_of_role(role: AwsRole) -> Principal:
    target = role.deny_target
    return Principal(target.account_id, target.kind, target.name)


def _read_documents(principals: Mapping[Principal, AwsAccount]) -> Mapping[Principal, DenyDocument]:
    """Return the documents; `busy` is set on those for which the engine wants anything at all."""
    open_rows = Revocation.objects.filter(document=OuterRef("pk"), cleaned_at=None).order_by()
    kept = KeptDeny.objects.filter(document=OuterRef("pk")).order_by()
    found = (
        DenyDocument.objects.filter(account__in=set(principals.values()))
        .select_related("account")
        .annotate(busy=Exists(open_rows) | Exists(kept) | Q(issued_before__isnull=False))
    )
    return {principal_of(document): document for document in found}


def _believed(
    principal: Principal,
    document: DenyDocument | None,
    roles: Collection[AwsRole],
    aws: AwsPorts,
    at: datetime,
) -> Believed:
    wanted = Wanted([], {}, [])
    if document is not None and document.busy:  # type: ignore[attr-defined]  # annotated above
        wanted = wanted_denies(document, aws, at)
    standing = [row for row in wanted.rows if RevocationState(row.state) in STANDING]
    by_cut = set(wanted.reached_by_cut)
    reached = entries_of([row for row in standing if row in by_cut])
    beside = entries_of([row for row in standing if row not in by_cut]) | wanted.kept
    cut, checked = wanted.issued_before, document and document.checked_at
    belief = Belief(
        principal=principal,
        unique_id=next((role.unique_id for role in roles if principal.kind == PrincipalKind.ROLE), ""),
        standing=reached | beside,
        by_cut=reached - beside,
        explained=wanted.named | entries_of(wanted.over) | entries_of(list(wanted.unfit)),
        cut=cut,
        cut_was_seen=bool(cut and checked and cut <= checked),
        is_used=bool(wanted.entries) or any(role.is_enabled for role in roles),
    )
    if document is None:
        return Believed(belief)
    mark = (document.pk, document.fence, document.applied_at, document.checked_at)
    return Believed(belief, mark, at_work=document.leased_until is not None and document.leased_until > at)


def _living(roles: Collection[AwsRole]) -> Mapping[str, str]:
    grants = Grant.objects.filter(role__in=roles, ended_at=None).select_related(
        "person", "partner_account__partner", "role"
    )
    return {str(grant.pk): str(grant) for grant in grants.order_by("ends_at", "pk")}
