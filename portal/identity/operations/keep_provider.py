"""Pin an identity provider's metadata: read and judged before it is kept."""

from django.core.exceptions import ValidationError
from django.db import transaction

from brokers.errors import BrokerError
from brokers.ports import SamlMetadataReader
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import IdentityProvider, Partner, SamlSettings
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError


def keep_saml_provider(  # noqa: PLR0913  # keyword-only facts of one record
    *,
    slug: str,
    name: str,
    metadata: str,
    read: SamlMetadataReader,
    actor: Actor,
    entity_id: str | None = None,
    partner: Partner | None = None,
) -> IdentityProvider:
    """Add the provider, or replace the metadata of the one with this slug.

    Raises:
        InvalidError: the metadata can't be used, is another provider's than the one whose people are known here,
            or a field is out of its limits.
    """
    try:
        described = read(metadata.encode(), entity_id=entity_id)
    except BrokerError as problem:
        raise InvalidError(f"This metadata can't be used: {problem}.", field="metadata") from None
    with transaction.atomic():
        provider = IdentityProvider.objects.filter(slug=slug).first()
        known = SamlSettings.objects.filter(provider=provider).first() if provider else None
        if provider and provider.kind != IdentityProvider.Kind.SAML:
            raise InvalidError(f"{slug} is no SAML provider; choose another name.", field="slug")
        if known and known.entity_id != described.entity_id and known.provider.identities.exists():
            raise InvalidError(
                f"{slug} is {known.entity_id}, and people sign in there; this metadata is of "
                f"{described.entity_id}. Add it under a name of its own.",
                field="metadata",
            )
        event = EventType.RECORD_CHANGED if provider else EventType.RECORD_ADDED
        provider = provider or IdentityProvider(slug=slug, partner=partner)
        provider.name = name or provider.name or slug
        _save(provider)
        known = known or SamlSettings(provider=provider)
        known.entity_id, known.metadata = described.entity_id, metadata
        _save(known)
        record(
            Entry(
                type=event,
                at=database_now(),
                actor=actor,
                details={"record": "identity provider", "slug": slug, "entity_id": described.entity_id},
            )
        )
    return provider


def _save(row: IdentityProvider | SamlSettings) -> None:
    try:
        row.full_clean()
    except ValidationError as problem:
        field, messages = next(iter(problem.message_dict.items()))
        raise InvalidError(" ".join(messages), field=field) from None
    row.save()
