"""What stands of a grant and its kept credentials at one moment, without a lock: asked at each fetch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from portal.access.freshness import Freshness, freshness
from portal.access.models import AwsSession, CredentialSlot, Grant, HandOut
from portal.access.operations.credentials.credential_slots import version_of
from portal.access.operations.credentials.fresh_factor import check_fresh_factor
from portal.access.operations.credentials.hand_out import Place
from portal.access.operations.credentials.standing import MARKERS, standing_of, with_standing
from portal.access.operations.doors import check_issuing_open
from portal.access.operations.grants.may_use import check_open_to, issued_until
from portal.access.operations.locking import JOINED
from portal.directory.vouching import check_vouched
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError
from portal.kernel.prepared import PreparedModels

KIND = AwsSession.Kind.CREDENTIALS


@dataclass(frozen=True, slots=True)
class Look:
    """`until`: when what would be issued now ends. `is_known`: the asking place had the kept session before."""

    grant: Grant
    slot: CredentialSlot | None
    version: str
    now: datetime
    until: datetime
    is_known: bool

    @property
    def left(self) -> timedelta:
        """For how long what is kept still works and may be handed out; nothing where it may not."""
        slot = self.slot
        if slot is None or slot.expires_at is None or slot.version != self.version:
            return timedelta()
        # Nothing leaves that would outlive what is issued now: a provider's word may have been taken back.
        return slot.expires_at - self.now if slot.expires_at <= self.until else timedelta()

    @property
    def freshness(self) -> Freshness:
        slot = self.slot
        if slot is None or slot.session is None or slot.expires_at is None:
            return Freshness.OVER
        longest = timedelta(seconds=slot.session.duration_seconds or self.grant.role.max_session_seconds)
        return freshness(
            lifetime=slot.expires_at - slot.session.asked_at,
            left=self.left,
            gain=min(self.until, self.now + longest) - slot.expires_at,
        )

    @property
    def refusal_stands(self) -> bool:
        slot = self.slot
        stands = slot is not None and slot.version == self.version and slot.refused_until is not None
        return stands and slot.refused_until > self.now  # type: ignore[union-attr, operator]  # both are there


def look(*, grant_id: UUID, place: Place, actor: Actor) -> Look:
    """Check the grant as issuing does, and return what is kept. Raises as `ask_session`; writes nothing."""
    given = {"grant": grant_id, "now": datetime.now(UTC)}
    found = _seen.first({**given, "door": place.door, "ip": place.ip, "client": place.client})
    if found is None:
        check_issuing_open(database_now())
        raise NotFoundError("There is no such grant.")
    standing = standing_of(*found)
    grant, now = standing.grant, standing.now
    standing.check_issuing_open()
    person_id = check_open_to(grant, KIND, actor, now)
    vouched = check_vouched(person_id, at=now)
    check_fresh_factor(grant, actor, now)
    return Look(
        grant=grant,
        slot=getattr(grant, "credential_slot", None),
        version=version_of(grant),
        now=now,
        until=issued_until(grant, now, vouched=vouched),
        is_known=found[1]["is_known"],
    )


def had_by(given: Mapping[str, Any]) -> QuerySet[HandOut]:
    """Return that the session in a grant's slot was handed out to a place before, for a query of grants."""
    return HandOut.objects.filter(
        session=OuterRef("credential_slot__session"),
        door=given["door"],
        ip=given["ip"],
        client=given["client"],
    )


def _build(given: Mapping[str, Any]) -> QuerySet[Grant]:
    found = with_standing(given).select_related(*JOINED, "credential_slot__session")
    return found.annotate(is_known=Exists(had_by(given)))


_seen = PreparedModels(_build, {**MARKERS, "door": "\x00door", "ip": "\x00ip", "client": "\x00client"})
