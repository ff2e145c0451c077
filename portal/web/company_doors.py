"""A partner's own pages: for its people, what is confidential for its admins. To everybody else nothing is there."""

from uuid import UUID

from portal.access.models import Grant
from portal.directory.models import Partner, Person
from portal.kernel.errors import ForbiddenError, NotFoundError
from portal.web.guard import PersonRequest
from portal.web.partner_doors import sees_partners

NO_COMPANY = "There is no such page."
NO_GRANT = "There is no such grant."


def company_of(request: PersonRequest) -> Partner:
    """Return the reader's own company. Raises NotFoundError for the own company's people."""
    own = request.user.partner_id
    partner = Partner.objects.select_related("sponsor", "deputy").filter(pk=own).first() if own else None
    if partner is None:
        raise NotFoundError(NO_COMPANY)
    return partner


def company_to_manage(request: PersonRequest) -> Partner:
    """Return it for one of its admins. Raises ForbiddenError for its other people, with the names of whom to ask."""
    partner = company_of(request)
    if not request.user.is_partner_admin:
        raise ForbiddenError(f"This is for the admins of {partner.name}{_ask(partner)}.")
    return partner


def grant_to_hand_over(request: PersonRequest, grant_id: UUID) -> Grant:
    """Return a grant to an account, for an admin of that company and for admins here who may look at partners.

    Raises:
        NotFoundError: another's, a person's, or none.
        ForbiddenError: the company's own, but not one of its admins.
    """
    grants = Grant.objects.filter(pk=grant_id, partner_account__isnull=False).select_related(
        *("role__account", "partner_account__partner", "partner_role", "scope_template", "granted_by"),
        *("entitlement__group", "person__partner"),
    )
    if sees_partners(request.user):
        found = grants.first()
    else:
        found = grants.filter(partner_account__partner=company_of(request)).first()
        if found is not None:
            company_to_manage(request)
    if found is None or not hasattr(found, "partner_role"):
        raise NotFoundError(NO_GRANT)
    return found


def admins_of(partner: Partner) -> list[Person]:
    people = Person.objects.filter(partner=partner, is_active=True, is_partner_admin=True)
    return list(people.order_by("name", "pk")[:10])


def _ask(partner: Partner) -> str:
    names = ", ".join(person.name for person in admins_of(partner))
    return f": ask {names}" if names else ". It has none yet: ask whoever answers for it"
