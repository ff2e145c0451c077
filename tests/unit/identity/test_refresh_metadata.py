"""Metadata from an address: signed it is taken, changed it waits for a yes, a failing source changes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brokers.errors import IdentityUnavailable
from brokers.saml import MetadataReader
from brokers.types import FetchedDocument
from portal.access.models import Alarm
from portal.audit.models import AuditEvent
from portal.directory.models import IdentityProvider, SamlSettings
from portal.identity.operations import refresh_metadata as refreshing
from portal.identity.operations.refresh_metadata import (
    Refreshed,
    accept_offered_metadata,
    refresh_metadata,
    reject_offered_metadata,
)
from portal.identity.operations.watch_metadata import alarm_ending_metadata, due_for_refresh
from portal.kernel.actor import Actor
from portal.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.saml_forge import KeyPair, rsa_key
from tests.saml_forge.keys import key_until
from tests.saml_forge.metadata import Described

pytestmark = pytest.mark.django_db
READ = MetadataReader()
SIGNER = rsa_key("federation")
SYSTEM = Actor.system("tests")
URL = "https://idp.example.test/metadata"
Make = Callable[..., Any]


class Source:
    """A metadata address: it shows `document`, or fails."""

    def __init__(self, document: bytes = b"") -> None:
        self.document = document
        self.problem: IdentityUnavailable | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, url: str) -> FetchedDocument:
        assert url == URL
        self.meanwhile()
        if self.problem:
            raise self.problem
        return FetchedDocument(self.document)


def make(described: Described, *, signer: KeyPair | None = None, **more: Any) -> IdentityProvider:
    provider = IdentityProvider.objects.create(slug=more.pop("slug", "corp"), name="Corp")
    known = {"metadata_url": URL, "metadata_signer": signer.certificate if signer else ""}
    SamlSettings.objects.create(
        provider=provider, entity_id=described.entity_id, metadata=described.text(), **known | more
    )
    return provider


def refresh(provider: IdentityProvider, source: Source, actor: Actor = SYSTEM) -> Refreshed:
    return refresh_metadata(provider_id=provider.pk, fetch=source, read=READ, actor=actor)


def pinned(provider: IdentityProvider) -> SamlSettings:
    return SamlSettings.objects.get(pk=provider.pk)


def keys_of(provider: IdentityProvider) -> tuple[str, ...]:
    return READ(pinned(provider).metadata.encode()).certificates


def events() -> list[str]:
    found = AuditEvent.objects.order_by("id").values_list("type", flat=True)
    return [event.removeprefix("directory.provider.metadata_") for event in found if "metadata_" in event]


def open_alarms() -> list[str]:
    return list(Alarm.objects.filter(cleared_at=None).values_list("subject", flat=True))


def test_signed_by_its_signer_it_is_taken_by_itself() -> None:
    provider = make(Described(), signer=SIGNER)
    newer = Described(keys=(rsa_key("next"),), signer=SIGNER)

    assert refresh(provider, Source(newer.document())) == Refreshed.TAKEN
    assert keys_of(provider) == (rsa_key("next").certificate,)
    assert events() == ["refreshed"]
    assert pinned(provider).refreshed_at
    assert refresh(provider, Source(newer.document())) == Refreshed.SAME
    assert events() == ["refreshed"], "an hour in which nothing changed is no event"


@pytest.mark.parametrize(
    "shown",
    [
        Described(keys=(rsa_key("evil"),)),
        Described(keys=(rsa_key("evil"),), signer=rsa_key("evil")),
        Described(entity_id="https://idp.evil.test/metadata", signer=SIGNER),
        Described(signer=SIGNER, valid_until=datetime.now(UTC) - timedelta(days=1)),
    ],
    ids=["unsigned", "another's signature", "another entity", "over"],
)
def test_what_can_not_be_trusted_changes_nothing_and_says_so(shown: Described) -> None:
    provider = make(Described(), signer=SIGNER)
    before = pinned(provider).metadata

    assert refresh(provider, Source(shown.document())) == Refreshed.FAILED
    row = pinned(provider)
    assert (row.metadata, row.offered_metadata, row.refreshed_at) == (before, "", None)
    assert row.refresh_problem.startswith("saml.metadata.")
    assert row.refresh_tried_at
    assert events() == []
    good = Described(keys=(rsa_key("next"),), signer=SIGNER)
    assert refresh(provider, Source(good.document())) == Refreshed.TAKEN
    assert pinned(provider).refresh_problem == ""


def test_a_source_that_is_down_keeps_what_is_pinned() -> None:
    provider = make(Described())
    source = Source()
    source.problem = IdentityUnavailable("saml", "timeout", "idp.example.test answered nothing in time")

    assert refresh(provider, source) == Refreshed.FAILED
    assert keys_of(provider) == (rsa_key().certificate,)
    assert pinned(provider).refresh_problem == "saml.timeout: idp.example.test answered nothing in time"


def test_unsigned_with_the_same_keys_and_addresses_its_end_goes_on() -> None:
    soon, later = (datetime.now(UTC) + timedelta(days=days) for days in (1, 30))
    provider = make(Described(valid_until=soon))

    assert refresh(provider, Source(Described(valid_until=later).document())) == Refreshed.SAME
    until = READ(pinned(provider).metadata.encode()).valid_until
    assert until is not None
    assert until > soon
    assert open_alarms() == []


@pytest.mark.parametrize(
    "changed",
    [
        Described(keys=(rsa_key("next"),)),
        Described(keys=(rsa_key(), rsa_key("next"))),
        Described(sso_url="https://idp.example.test/elsewhere"),
        Described(slo_url="https://idp.example.test/slo"),
    ],
    ids=["another key", "one more key", "another address", "another log-out"],
)
def test_unsigned_and_changed_it_waits_for_an_admins_yes(
    changed: Described, admin: Any, actor_of: Make
) -> None:
    provider = make(Described())
    source = Source(changed.document())

    assert [refresh(provider, source), refresh(provider, source)] == [Refreshed.OFFERED] * 2
    assert keys_of(provider) == (rsa_key().certificate,)
    assert READ(pinned(provider).metadata.encode()).sso_url == "https://idp.example.test/sso"
    assert (events(), open_alarms()) == (["offered"], [str(provider.pk)]), "told once, not each hour"

    accept_offered_metadata(provider_id=provider.pk, actor=actor_of(admin))
    assert pinned(provider).metadata == changed.text()
    assert (pinned(provider).offered_metadata, pinned(provider).offered_at) == ("", None)
    assert (events(), open_alarms()) == (["offered", "accepted"], [])
    assert refresh(provider, source) == Refreshed.SAME


def test_what_was_refused_is_not_offered_again_but_something_else_is(admin: Any, actor_of: Make) -> None:
    provider = make(Described())
    first, second = (Source(Described(keys=(rsa_key(name),)).document()) for name in ("one", "two"))
    refresh(provider, first)
    reject_offered_metadata(provider_id=provider.pk, actor=actor_of(admin))

    assert refresh(provider, first) == Refreshed.OFFERED
    assert (pinned(provider).offered_at, open_alarms()) == (None, [])
    with pytest.raises(ConflictError):
        accept_offered_metadata(provider_id=provider.pk, actor=actor_of(admin))
    refresh(provider, second)
    assert pinned(provider).offered_at
    assert (events(), open_alarms()) == (["offered", "accepted", "offered"], [str(provider.pk)])
    outcomes = AuditEvent.objects.filter(type__endswith="metadata_accepted").values_list("outcome", flat=True)
    assert list(outcomes) == ["refused"]
    assert keys_of(provider) == (rsa_key().certificate,)


def test_an_offer_that_the_source_takes_back_is_gone() -> None:
    provider = make(Described())
    refresh(provider, Source(Described(keys=(rsa_key("next"),)).document()))
    assert refresh(provider, Source(Described().document())) == Refreshed.SAME
    assert (pinned(provider).offered_metadata, open_alarms()) == ("", [])


def test_a_yes_is_to_what_was_looked_at(admin: Any, actor_of: Make) -> None:
    provider = make(Described())
    refresh(provider, Source(Described(keys=(rsa_key("one"),)).document()))
    looked_at = pinned(provider).offered_at
    refresh(provider, Source(Described(keys=(rsa_key("evil"),)).document()))

    with pytest.raises(ConflictError):
        accept_offered_metadata(provider_id=provider.pk, actor=actor_of(admin), offered_at=looked_at)
    assert keys_of(provider) == (rsa_key().certificate,)
    now = pinned(provider).offered_at
    accept_offered_metadata(provider_id=provider.pk, actor=actor_of(admin), offered_at=now)
    assert keys_of(provider) == (rsa_key("evil").certificate,)


def test_nobody_but_an_admin_says_yes_or_asks(ben: Any, actor_of: Make) -> None:
    provider = make(Described())
    refresh(provider, Source(Described(keys=(rsa_key("next"),)).document()))
    for act in (accept_offered_metadata, reject_offered_metadata):
        with pytest.raises(ForbiddenError):
            act(provider_id=provider.pk, actor=actor_of(ben))
    with pytest.raises(ForbiddenError):
        refresh(provider, Source(), actor_of(ben))
    assert pinned(provider).offered_at


def test_what_changed_while_the_address_was_asked_is_not_overwritten() -> None:
    provider = make(Described(), signer=SIGNER)
    source = Source(Described(keys=(rsa_key("next"),), signer=SIGNER).document())
    source.meanwhile = lambda: SamlSettings.objects.update(metadata_signer="")
    with pytest.raises(ConflictError):
        refresh(provider, source)
    assert keys_of(provider) == (rsa_key().certificate,)


def test_without_an_address_or_a_provider(admin: Any, actor_of: Make) -> None:
    provider = make(Described(), metadata_url="")
    with pytest.raises(InvalidError) as refused:
        refresh(provider, Source())
    assert refused.value.field == "metadata_url"
    other = IdentityProvider(slug="none")
    with pytest.raises(NotFoundError):
        refresh(other, Source())
    with pytest.raises(NotFoundError):
        accept_offered_metadata(provider_id=other.pk, actor=actor_of(admin))


def test_a_whole_rollover(admin: Any, actor_of: Make) -> None:
    """Old only, both, new only: whoever signs by a key that is pinned at the time gets in, and nobody else."""
    old, new = rsa_key("old"), rsa_key("new")
    signed = make(Described(keys=(old,)), signer=SIGNER)
    unsigned = make(Described(keys=(old,), entity_id="https://b.example.test"), slug="unsigned")
    for keys in ((old, new), (new,)):
        assert refresh(signed, Source(Described(keys=keys, signer=SIGNER).document())) == Refreshed.TAKEN
        shown = Described(keys=keys, entity_id="https://b.example.test").document()
        assert refresh(unsigned, Source(shown)) == Refreshed.OFFERED
        accept_offered_metadata(provider_id=unsigned.pk, actor=actor_of(admin))
        for provider in (signed, unsigned):
            assert keys_of(provider) == tuple(key.certificate for key in keys)


def test_each_address_is_asked_once_an_hour_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    monkeypatch.setattr("portal.identity.operations.watch_metadata.AT_ONCE", 2)
    made = [
        make(Described(entity_id=f"https://{slug}.example.test"), slug=slug, refresh_tried_at=tried)
        for slug, tried in [("a", now - timedelta(hours=2)), ("b", None), ("c", now - timedelta(hours=3))]
    ]
    make(Described(entity_id="https://d.example.test"), slug="just", refresh_tried_at=now)
    make(Described(entity_id="https://e.example.test"), slug="none", metadata_url="")
    off = make(Described(entity_id="https://f.example.test"), slug="off")
    IdentityProvider.objects.filter(pk=off.pk).update(is_enabled=False)

    due = due_for_refresh(at=now)
    assert len(due) == 2
    SamlSettings.objects.filter(pk__in=due).update(refresh_tried_at=now)
    assert {*due, *due_for_refresh(at=now)} == {provider.pk for provider in made}


def test_an_end_is_told_two_weeks_before() -> None:
    now = datetime.now(UTC)
    ends = {
        "far": Described(keys=(rsa_key(),)),
        "last": Described(keys=(key_until("soon", days=13),)),
        "both": Described(keys=(key_until("soon", days=13), rsa_key("next"))),
        "until": Described(valid_until=now + timedelta(days=13)),
        "broken": Described(valid_until=now - timedelta(days=1)),
    }
    made = {}
    for slug, described in ends.items():
        described.entity_id = f"https://{slug}.example.test"
        made[slug] = make(described, slug=slug)

    assert alarm_ending_metadata(at=now, read=READ) == 3
    assert set(open_alarms()) == {f"{made[slug].pk}:ends" for slug in ("last", "until", "broken")}
    assert alarm_ending_metadata(at=now, read=READ) == 3
    assert Alarm.objects.count() == 3
    SamlSettings.objects.update(metadata=Described(entity_id="https://x.example.test").text())
    for slug, provider in made.items():
        described = Described(entity_id=f"https://{slug}.example.test")
        SamlSettings.objects.filter(pk=provider.pk).update(metadata=described.text())
    assert (alarm_ending_metadata(at=now, read=READ), open_alarms()) == (0, [])


def test_turns_red_when_addresses_or_keys_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = make(Described())
    monkeypatch.setattr(refreshing, "facts", lambda _: ())
    refresh(provider, Source(Described(keys=(rsa_key("evil"),)).document()))
    assert keys_of(provider) == (rsa_key("evil").certificate,)
