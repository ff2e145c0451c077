"""How many active people a partner may have here: kept under the lock on its row, at every way in."""

from uuid import UUID

from portal.directory.models import Partner, Person
from portal.kernel.errors import ForbiddenError


class PeopleQuotaError(ForbiddenError):
    """The company has as many active people as it may. The sentence says how many, and what to do."""

    code = "people_quota"


def take_place(partner_id: UUID | None) -> None:
    """Make sure that one more person of the partner may be active. None, the own company: there is no most.

    In a transaction, after people are locked and before anything of the partner's is: the lock on the partner's row is
    held to its end, so that of two who come for the last place one gets it.

    Raises:
        PeopleQuotaError: all places are taken.
    """
    if partner_id is None:
        return
    partner = Partner.objects.select_for_update(no_key=True, of=("self",)).get(pk=partner_id)
    if active_people(partner_id) >= partner.people_quota:
        raise PeopleQuotaError(
            f"{partner.name} has {places(partner.people_quota)} for active people here, and all are taken: "
            "deactivate somebody who needs none, or have an admin raise the number."
        )


def active_people(partner_id: UUID) -> int:
    return Person.objects.filter(partner=partner_id, is_active=True).count()


def places(number: int) -> str:
    return "one place" if number == 1 else f"{number} places"
