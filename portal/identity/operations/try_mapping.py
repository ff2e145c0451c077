"""Try a SAML provider's mapping out on a response that an admin pastes: it changes nothing and signs nobody in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from brokers.errors import BrokerError
from brokers.ports import SamlMetadataReader, SamlServiceProvider
from brokers.types import CheckStep, ProvenIdentity
from portal.access.operations.permissions import check_superuser
from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.identity.identity_providers import as_saml
from portal.identity.operations.admit_person import told_of
from portal.identity.operations.keep_groups import group_names
from portal.identity.operations.saml_sign_in import MAX_RESPONSE, proven_by_saml
from portal.kernel.actor import Actor
from portal.kernel.errors import InvalidError, NotFoundError


@dataclass(frozen=True, slots=True)
class TriedMapping:
    """What a response would do here. `steps`: each check by itself; one that fails means that nobody gets in.

    `would`: in a sentence, who would be signed in, made, or refused and why; empty where it names nobody. `groups`:
    as they are called here; None: the provider says nothing about groups. `gives_factor`: it would count as a sign-in
    with a second factor.
    """

    steps: tuple[CheckStep, ...]
    subject: str = ""
    subject_format: str = ""
    context: str = ""
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    name: str = ""
    email: str = ""
    groups: tuple[str, ...] | None = None
    gives_factor: bool = False
    would: str = ""

    @property
    def is_ok(self) -> bool:
        return all(step.is_ok for step in self.steps)


def try_mapping(  # noqa: PLR0913  # keyword-only facts of one try
    *,
    provider_id: UUID,
    response: str,
    saml: SamlServiceProvider,
    read: SamlMetadataReader,
    at: datetime,
    actor: Actor,
) -> TriedMapping:
    """Say what `response` (base64 as it was posted, or XML) would do, whenever it was made.

    Times that held when it was made pass, and say so. Nothing is kept or logged, and nothing counts as used.

    Raises:
        NotFoundError: no such SAML provider.
        ForbiddenError: by anybody but a superuser.
        InvalidError: nothing was pasted, or far too much; or the provider's own metadata can't be used.
    """
    check_superuser(actor, "Only superusers try an identity provider's mapping out.")
    provider = IdentityProvider.objects.filter(pk=provider_id, kind=IdentityProvider.Kind.SAML).first()
    if provider is None:
        raise NotFoundError("There is no such SAML provider.")
    if not 0 < len(response.strip()) <= MAX_RESPONSE:
        raise InvalidError(f"Paste a response of 1 to {MAX_RESPONSE} characters.", field="response")
    try:
        trial = saml.inspect(as_saml(provider, read), response, at=at)
    except BrokerError as problem:
        raise InvalidError(
            f"{provider.name}'s metadata can't be used: {problem}.", field="metadata"
        ) from None
    if trial.identity is None:
        return TriedMapping(trial.steps)
    proven = proven_by_saml(provider, trial.identity)
    return TriedMapping(
        steps=trial.steps,
        subject=proven.subject,
        subject_format=proven.subject_format,
        context=trial.identity.context,
        attributes=proven.attributes,
        name=told_of(proven, provider.name_attribute) or proven.login,
        email=told_of(proven, provider.email_attribute),
        groups=None if proven.groups is None else tuple(sorted(group_names(provider, proven.groups))),
        gives_factor=any(context in provider.factor_contexts for context in proven.contexts),
        would=_would(provider, proven),
    )


def _would(provider: IdentityProvider, proven: ProvenIdentity) -> str:
    if not proven.subject:
        return ""
    known = (
        ExternalIdentity.objects.select_related("person__partner")
        .filter(provider=provider, subject_format=proven.subject_format, subject=proven.subject)
        .first()
    )
    if known is None:
        if provider.admits_people:
            return "A first sign-in: the person would be made."
        return f"Refused: nobody here has this NameID, and {provider.name} may not make people."
    return _would_as(known, provider)


def _would_as(known: ExternalIdentity, provider: IdentityProvider) -> str:
    person = known.person
    if not person.is_active:
        return f"Refused: {person.name} is deactivated."
    if known.gone_at is not None:
        return f"Refused: {person.name} is {known.gone_why or 'gone'} at {provider.name}."
    if provider.partner_id is not None and person.partner_id != provider.partner_id:
        return f"Refused: {provider.name} doesn't vouch for people of {person.partner or 'the own company'}."
    return f"{person.name} would be signed in."
