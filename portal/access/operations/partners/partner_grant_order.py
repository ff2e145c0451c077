"""What is asked for where a partner's AWS account is granted access; the same order twice is one grant."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from portal.access.models import Grant, PartnerRole
from portal.access.operations.partners.partner_principal import checked_principal
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, InvalidError


@dataclass(frozen=True, slots=True)
class PartnerGrantOrder:
    """What is to be granted to a partner's account. `starts_at` None: now. `principal_arn` empty: the whole account.

    `grant_id`: which id the grant is to have, so that an order that is sent twice makes one grant; None: any, and
    each order makes its own. `seen`: the digest of the preview that was looked at; empty: none was.
    """

    partner_account_id: UUID
    account_id: UUID
    scope_template_id: UUID
    ends_at: datetime
    reason: str
    scope_parameters: Mapping[str, str] = field(default_factory=dict)
    principal_arn: str = ""
    starts_at: datetime | None = None
    ticket: str = ""
    max_session_seconds: int = 3600
    grant_id: UUID | None = None
    seen: str = ""


def digest_of(row: PartnerRole) -> str:
    """Return what tells one scope from another, as it is filled: what a template says may change at any time."""
    grant = row.grant
    told = [
        grant.scope_policy,
        grant.scope_managed_policy_arns,
        grant.scope_summary,
        row.principal_arn,
        row.role.path,
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def check_seen(order: PartnerGrantOrder, row: PartnerRole) -> None:
    """Raise InvalidError where the order would make something else than its actor has looked at."""
    if order.seen and not hmac.compare_digest(order.seen.encode(), digest_of(row).encode()):
        raise InvalidError(
            "What this scope lets them do was changed since you looked. Look at it again.",
            field="scope_template",
        )


def find_made(order: PartnerGrantOrder, actor: Actor) -> Grant | None:
    """Return the grant that this very order of this actor has made already. Its times are cut to whole seconds.

    Asked under the lock of the partner's account: of two at once, the second sees what the first one made.

    Raises:
        ConflictError: the id is another order's, or the grant was changed since.
    """
    if order.grant_id is None:
        return None
    grant = Grant.objects.filter(pk=order.grant_id).first()
    if grant is None:
        return None
    row = PartnerRole.objects.select_related("role", "grant__partner_account").filter(grant=grant).first()
    if row is None or not _is_same(order, row, actor):
        raise known_already()
    return row.grant


def known_already() -> ConflictError:
    return ConflictError(
        "A grant with this id was made already, and is another one than this or was changed since. "
        "Look whether it is the one you mean; if not, begin anew."
    )


def _is_same(order: PartnerGrantOrder, row: PartnerRole, actor: Actor) -> bool:
    grant, theirs = row.grant, row.grant.partner_account
    return (
        theirs is not None
        and theirs.pk == order.partner_account_id
        and grant.granted_by_id == actor.person_id
        and row.role.account_id == order.account_id
        and row.role.max_session_seconds == order.max_session_seconds
        and row.principal_arn == checked_principal(order.principal_arn, theirs)
        and grant.scope_template_id == order.scope_template_id
        and grant.scope_parameters == dict(order.scope_parameters)
        and _starts_alike(order, grant)
        and grant.ends_at == order.ends_at
        and grant.reason == order.reason.strip()
        and grant.ticket == order.ticket.strip()
    )


def _starts_alike(order: PartnerGrantOrder, grant: Grant) -> bool:
    """A start that was now, or had just passed, became the moment of the making."""
    if order.starts_at is None or order.starts_at < grant.made_at:
        return grant.starts_at == grant.made_at
    return grant.starts_at == order.starts_at
