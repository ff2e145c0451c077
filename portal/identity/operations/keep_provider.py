"""Pin an identity provider's metadata: read and judged before it is kept."""

from django.core.exceptions import ValidationError
from django.db import transaction

from brokers.errors import BrokerError
from brokers.ports import SamlMetadataReader
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.directory.models import IdentityProvider, Partner
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
        if provider and provider.entity_id != described.entity_id and provider.identities.exists():
            raise InvalidError(
                f"{slug} is {provider.entity_id}, and people sign in there; this metadata is of "
                f"{described.entity_id}. Add it under a name of its own.",
                field="metadata",
            )
        event = EventType.RECORD_CHANGED if provider else EventType.RECORD_ADDED
        provider = provider or IdentityProvider(slug=slug, partner=partner)
        provider.name = name or provider.name or slug
        provider.entity_id, provider.metadata = described.entity_id, metadata
        try:
            provider.full_clean()
        except ValidationError as problem:
            field, messages = next(iter(problem.message_dict.items()))
            raise InvalidError(" ".join(messages), field=field) from None
        provider.save()
        record(
            Entry(
                type=event,
                at=database_now(),
                actor=actor,
                details={"record": "identity provider", "slug": slug, "entity_id": described.entity_id},
            )
        )
    return provider
