"""The first admin: somebody with the server's shell says who it is at which provider."""

from django.db import transaction

from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import ExternalIdentity, IdentityProvider, Person
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError

USUAL_FORMAT = {
    IdentityProvider.Kind.SAML.value: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    IdentityProvider.Kind.LDAP.value: "ldap",
    IdentityProvider.Kind.OIDC.value: "",
    IdentityProvider.Kind.LOCAL.value: "local",
}


def appoint_admin(  # noqa: PLR0913  # keyword-only facts of one record
    *,
    provider_slug: str,
    subject: str,
    subject_format: str | None,
    name: str,
    actor: Actor,
    superuser: bool = True,
) -> Person:
    """Make the person with this identity an admin; makes the person when they never signed in.

    `subject_format` None: what providers of that kind usually have.

    Raises:
        InvalidError: no such provider, a partner's, or the person is deactivated.
    """
    provider = IdentityProvider.objects.filter(slug=provider_slug).first()
    if provider is None:
        known = ", ".join(IdentityProvider.objects.values_list("slug", flat=True)) or "none yet"
        raise InvalidError(
            f"There is no identity provider {provider_slug!r}; known: {known}.", field="provider"
        )
    if provider.partner_id is not None:
        raise InvalidError("A partner's people can't be admins.", field="provider")
    subject_format = USUAL_FORMAT[provider.kind] if subject_format is None else subject_format
    with transaction.atomic():
        identity = (
            ExternalIdentity.objects.select_related("person")
            .filter(provider=provider, subject=subject, subject_format=subject_format)
            .first()
        )
        person = identity.person if identity else Person.objects.admit(name=name or subject)
        if identity is None:
            ExternalIdentity.objects.create(
                provider=provider, person=person, subject=subject, subject_format=subject_format
            )
        if not person.is_active:
            raise InvalidError(f"{person.name} is deactivated.", field="subject")
        person.is_staff, person.is_superuser = True, superuser
        person.save(update_fields=["is_staff", "is_superuser"])
        record(
            Entry(
                type=EventType.ADMIN_APPOINTED,
                at=database_now(),
                actor=actor,
                person_id=person.pk,
                details={"provider": provider_slug, "subject": subject, "superuser": superuser},
            )
        )
    return person
