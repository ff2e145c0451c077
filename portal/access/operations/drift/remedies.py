"""What the repair of one difference writes here, in the caller's transaction and under the document's lock."""

from datetime import datetime
from uuid import UUID

from portal.access.differences import Difference, Remedy
from portal.access.models import DenyDocument, KeptDeny
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsAccount, AwsRole
from portal.catalog.models.roles import ROLE_METHODS
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

REVOKED = "denied in AWS: revoked after the backup that was restored"


def make_repair(found: Difference, *, account: AwsAccount, look_at_once: bool, actor: Actor) -> None:
    """Do it, and write it to the audit trail.

    `look_at_once`: a worker is to write the document now. Not while AWS denies there what is not taken over yet.
    """
    now = database_now()
    if found.remedy == Remedy.KEEP_ID:
        roles = AwsRole.objects.filter(account=account, name=found.principal.name)
        roles.filter(method__in=ROLE_METHODS).update(unique_id=found.item)
    else:
        document, _ = DenyDocument.objects.get_or_create(
            account=account, kind=found.principal.kind.value, name=found.principal.name
        )
        _write(found, document, actor, now)
        if look_at_once:
            DenyDocument.objects.filter(pk=document.pk).update(recheck_at=now)
    _record(EventType.DIFFERENCE_REPAIRED, found, actor, now)


def _write(found: Difference, document: DenyDocument, actor: Actor, now: datetime) -> None:
    """Write what the remedy says. To put something right takes no more than the worker's look."""
    if found.remedy == Remedy.CLEAN_UP:
        DenyDocument.objects.filter(pk=document.pk).update(write_anew=True)
    if found.remedy == Remedy.REVOKE_HERE:
        for grant in found.grants:
            revoke_grant(grant_id=UUID(grant), reason=REVOKED, actor=actor)
    if found.until is None:
        return
    if found.remedy == Remedy.KEEP_CUT:
        until = max(found.until, document.issued_before_until or found.until)
        DenyDocument.objects.filter(pk=document.pk).update(
            issued_before=datetime.fromisoformat(found.item), issued_before_until=until
        )
    else:
        # Of a grant that is revoked here, too: sessions made after the backup are unknown here, and may live longer.
        KeptDeny.objects.update_or_create(
            document=document, userid=found.item, defaults={"found_at": now, "covers_until": found.until}
        )
        _record(EventType.DENY_KEPT, found, actor, now)


def _record(event: EventType, found: Difference, actor: Actor, now: datetime) -> None:
    record(
        Entry(
            type=event,
            at=now,
            actor=actor,
            grant_id=UUID(found.grants[0]) if found.grants else None,
            details={
                "kind": found.kind.value,
                "where": str(found.principal),
                "item": found.item,
                "what": found.words,
                "remedy": found.remedy.value,
                **({"until": found.until.isoformat()} if found.until else {}),
            },
        )
    )
