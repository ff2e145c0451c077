"""A grant's programs, as its own page and theirs show them."""

from datetime import datetime, tzinfo

from portal.access.models import CredentialToken, Grant
from portal.directory.models import Person
from portal.web.guard import may_revoke, zone_of
from portal.web.presenters import badge, moment
from portal.web.presenters.programs import ProgramRow, Programs


def programs_of(grant: Grant, person: Person, *, now: datetime) -> Programs:
    """Return a grant's tokens as its reader sees them, for the template `access/_programs.html`."""
    zone = zone_of(person)
    is_theirs = grant.person_id == person.pk
    tokens = grant.credential_tokens.select_related("api_token")[:50]
    return Programs(
        grant_id=str(grant.pk),
        rows=tuple(_row(token, grant, now=now, zone=zone) for token in tokens),
        makes=is_theirs and grant.is_open(now) and grant.role.allows_credentials,
        revokes=is_theirs or may_revoke(person),
    )


def _row(token: CredentialToken, grant: Grant, *, now: datetime, zone: tzinfo) -> ProgramRow:
    is_over = not token.is_usable(now) or grant.ended_at is not None
    return ProgramRow(
        id=str(token.pk),
        name=token.name,
        prefix=token.prefix,
        api_token=token.api_token.name if token.api_token else "",
        badge=badge("revoked" if token.revoked_at else "expired" if is_over else "active"),
        expires=moment(token.expires_at, now=now, zone=zone),
        last_used=moment(token.last_used_at, now=now, zone=zone) if token.last_used_at else None,
    )
