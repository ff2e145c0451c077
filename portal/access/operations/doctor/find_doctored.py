"""Which grant somebody asks the doctor about, and whether they may: admins of all, a partner's admins of their own."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from brokers.types import DeniedCall
from portal.access.doctor.facts import role_name_of
from portal.access.models import Grant, PartnerRole
from portal.access.operations.permissions import may, person_of
from portal.kernel.actor import Actor
from portal.kernel.errors import NotFoundError

SEEING = ("access.view_grant", "access.revoke_grant", "access.make_grant")
NO_GRANT = "There is no such grant."


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks. `partner_id`: of whom they may ask where they don't see all; None: of none."""

    sees_all: bool
    partner_id: UUID | None = None
    person_id: UUID | None = None

    @property
    def may_ask_of_partners(self) -> bool:
        return self.sees_all or self.partner_id is not None


def asker_of(actor: Actor) -> Asker:
    if any(may(actor, right) for right in SEEING):
        return Asker(sees_all=True, person_id=actor.person_id)
    person = person_of(actor)
    if person is None:
        return Asker(sees_all=False)
    return Asker(False, person.partner_id if person.is_partner_admin else None, person.pk)


def find_grant(grant_id: UUID, asker: Asker) -> Grant:
    """Return a grant that the asker may ask about: their own, their company's roles', or any for an admin.

    Raises:
        NotFoundError: there is none, or it is not theirs to know.
    """
    grants = Grant.objects.select_related(
        *("role__account", "person__partner", "partner_account__partner", "partner_role")
    )
    if not asker.sees_all:
        own = Q(person=asker.person_id, person__isnull=False)
        companys = Q(partner_account__partner=asker.partner_id, partner_account__isnull=False)
        grants = grants.filter(own | companys if asker.partner_id else own)
    grant = grants.filter(pk=grant_id).first()
    if grant is None:
        raise NotFoundError(NO_GRANT)
    return grant


def find_role(role_arn: str, call: DeniedCall, asker: Asker) -> PartnerRole | None:
    """Return the role that is meant: by the ARN, else by what AWS's error names. By its name: that is of one grant.

    So that somebody who left the path out of the ARN is told so, and not that there is no such role.
    """
    for named in (role_arn, call.resource, call.caller_arn):
        name = role_name_of(named.strip(" \t\r\n\"'"))
        row = _visible(asker).filter(role__name__iexact=name).first() if name else None
        if row is not None:
            return row
    return None


def _visible(asker: Asker) -> QuerySet[PartnerRole]:
    rows = PartnerRole.objects.select_related(
        "role__account", "grant__partner_account__partner", "grant__role"
    )
    if asker.sees_all:
        return rows
    if asker.partner_id is None:
        return rows.none()
    return rows.filter(grant__partner_account__partner=asker.partner_id)
