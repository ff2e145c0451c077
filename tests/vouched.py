"""Somebody vouches for the people whom tests make: without a provider's word nothing is issued to anybody."""

from datetime import UTC, datetime

from portal.directory.models import ExternalIdentity, IdentityProvider, Person, SamlSettings

TESTS = "tests"


def tests_provider() -> IdentityProvider:
    """Return the provider of the people whom tests make; its word counts for 90 days, and nobody can sign in there."""
    provider, is_new = IdentityProvider.objects.get_or_create(
        slug=TESTS, defaults={"name": "The tests", "max_age_hours": 2160, "admits_people": False}
    )
    if is_new:
        # Metadata that can't be read: the sign-in page leaves such a provider's address out.
        SamlSettings.objects.create(provider=provider, entity_id="urn:tests", metadata="<none/>")
    return provider


def vouch(person: Person, *, at: datetime | None = None) -> ExternalIdentity:
    """Have the tests' provider vouch for a person, as of now or of `at`."""
    return ExternalIdentity.objects.create(
        provider=tests_provider(),
        person=person,
        subject=str(person.pk),
        confirmed_at=at or datetime.now(UTC),
    )
