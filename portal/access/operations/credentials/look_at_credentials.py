"""What stands of a grant and its kept credentials at one moment, without a lock: asked at each fetch."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from portal.access.freshness import Freshness, freshness
from portal.access.models import AwsSession, CredentialSlot, Grant, HandOut
from portal.access.operations.credentials.credential_slots import version_of
from portal.access.operations.credentials.fresh_factor import check_fresh_factor
from portal.access.operations.credentials.hand_out import Place
from portal.access.operations.doors import check_issuing_open
from portal.access.operations.grants.may_use import check_open_to, issued_until
from portal.directory.vouching import check_vouched
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import NotFoundError

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
    found = (
        Grant.objects.filter(pk=grant_id)
        .select_related(
            "role__account__hub", "person__partner", "partner_account__partner", "credential_slot__session"
        )
        .first()
    )
    now = database_now()
    check_issuing_open(now)
    if found is None:
        raise NotFoundError("There is no such grant.")
    person_id = check_open_to(found, KIND, actor, now)
    vouched = check_vouched(person_id, at=now)
    check_fresh_factor(found, actor, now)
    slot = getattr(found, "credential_slot", None)
    return Look(
        grant=found,
        slot=slot,
        version=version_of(found),
        now=now,
        until=issued_until(found, now, vouched=vouched),
        is_known=slot is not None and slot.session_id is not None and _had_it(slot.session_id, place),
    )


def _had_it(session_id: UUID, place: Place) -> bool:
    return HandOut.objects.filter(
        session=session_id, door=place.door, ip=place.ip, client=place.client
    ).exists()
