"""Which identity a SCIM user is: found by (provider, format, subject) exactly, made, taken over, or moved."""

from portal.directory.models import ExternalIdentity, IdentityProvider, Person, ScimUser
from portal.identity.operations.admit_person import LONGEST_TOLD, admit_as, keep_told, one_line
from portal.identity.operations.provisioning import (
    LONGEST_NAME,
    FixedError,
    TakenError,
    ToldUser,
    checked,
    lock_people,
)
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, InvalidError

LONGEST_EMAIL = 254


def subject_of(provider: IdentityProvider, told: ToldUser) -> str:
    """Return what a sign-in calls them."""
    checked(told.user_name, name="userName", longest=LONGEST_NAME)
    if len(told.external_id) > LONGEST_NAME:
        raise InvalidError(f"externalId has at most {LONGEST_NAME} characters.", field="externalId")
    if provider.scim_subject == "userName":
        return told.user_name
    if not told.external_id:
        raise InvalidError(
            f"externalId is needed: it is what a sign-in at {provider.name} calls people.", field="externalId"
        )
    return checked(told.external_id, name="externalId", longest=LONGEST_NAME)


def identity_of(provider: IdentityProvider, subject: str) -> ExternalIdentity | None:
    known = ExternalIdentity.objects.select_related("person").filter(provider=provider, subject=subject)
    return known.filter(subject_format=provider.scim_subject_format).first()


def check_format(provider: IdentityProvider, subject: str) -> None:
    """Refuse a subject by which somebody signs in under another NameID format: it would be a second person.

    Told that the one has left, the portal would let the other go on. Formats are never guessed.

    Raises:
        ConflictError: a superuser has to give the provider's settings the format of its sign-ins first.
    """
    others = ExternalIdentity.objects.filter(provider=provider, subject=subject, gone_at=None)
    other = others.exclude(subject_format=provider.scim_subject_format).first()
    if other is not None:
        raise ConflictError(
            f"{subject} signs in at {provider.name} by the NameID format {other.subject_format or 'none'}, and SCIM "
            f"tells of {provider.scim_subject_format or 'none'}: have a superuser set the format for SCIM there."
        )


def admit_told(provider: IdentityProvider, subject: str, told: ToldUser, actor: Actor) -> ExternalIdentity:
    check_format(provider, subject)
    identity = ExternalIdentity(
        provider=provider,
        subject=subject,
        subject_format=provider.scim_subject_format,
        login=told.user_name,
        is_provisioned=True,
    )
    name = one_line(told.name) or told.user_name[:LONGEST_TOLD]
    is_active = told.is_active is not False
    return admit_as(identity, name=name, email=told.email[:LONGEST_EMAIL], actor=actor, is_active=is_active)


def take_over(identity: ExternalIdentity, told: ToldUser, actor: Actor) -> ExternalIdentity:
    """Have SCIM keep an identity that is there: from sign-ins, or from a user that was deleted."""
    lock_people([identity.person_id])
    provider, person = identity.provider, Person.objects.get(pk=identity.person_id)
    if provider.partner_id is not None and person.partner_id != provider.partner_id:
        raise ConflictError(f"{provider.name} doesn't vouch for whom this identity belongs to here.")
    identity.login, identity.is_provisioned = told.user_name, True
    identity.confirmed_at = database_now()
    identity.save(update_fields=["login", "is_provisioned", "confirmed_at"])
    identity.person = person
    keep_person(identity, told, actor)
    return identity


def move_user(user: ScimUser, subject: str) -> None:
    """Have the user be found by another subject: changed as long as nothing hangs on the old one.

    Afterwards it is the key to all that the person holds, and whoever has a SCIM token could hand it to themselves:
    then it moves only to an identity that the same person has already, as when an admin linked it.
    """
    identity, provider = user.identity, user.provider
    other = identity_of(provider, subject)
    own = other is not None and other.person_id == identity.person_id and not hasattr(other, "scim_user")
    if other is not None and own and user.is_active:
        ExternalIdentity.objects.filter(pk=identity.pk).update(is_provisioned=False)
        user.identity = other
    elif other is not None:
        raise TakenError(f"Somebody is {subject} at {provider.name} already.")
    elif _holds_something(identity):
        raise FixedError(
            f"{provider.scim_subject} is what {identity.subject} signs in by, so it stays. Let them sign in by the "
            "new one, have an admin link the two, and try again; or tell people by externalId."
        )
    else:
        check_format(provider, subject)
        identity.subject = subject


def _holds_something(identity: ExternalIdentity) -> bool:
    """Whether anybody signed in by it, or its person has anything to lose."""
    person = identity.person
    return (
        identity.last_seen_at is not None
        or person.is_staff
        or person.grants.exists()
        or ExternalIdentity.objects.filter(person=person).exclude(pk=identity.pk).exists()
    )


def keep_person(identity: ExternalIdentity, told: ToldUser, actor: Actor) -> None:
    """Have the person's name and e-mail be what was told, where it was."""
    name, email = one_line(told.name), told.email[:LONGEST_EMAIL]
    keep_told(identity.person, identity.provider, name=name, email=email, actor=actor)
