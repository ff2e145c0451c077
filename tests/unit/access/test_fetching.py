"""Fetching: what is kept goes out while it is good, to whoever may have it; a grant's end takes it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from portal.access.models import AwsSession, CredentialSlot, DenyDocument, Grant, HandOut, Hold
from portal.access.operations.credentials import hand_out
from portal.access.operations.credentials.credential_cache import open_kept
from portal.access.operations.credentials.fetch_credentials import FetchedCredentials, fetch_credentials
from portal.access.operations.cutting.cut_preview import document_of_role
from portal.access.operations.cutting.cut_role import cut_role
from portal.access.operations.grants.revoke_grant import revoke_grant
from portal.access.operations.running.sweep_grants import expire_batch
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsRole
from portal.directory.models import ExternalIdentity
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import BusyError, ConflictError, DomainError, NotFoundError, UpstreamError
from tests.fakes import GONE, SECRET, TOKEN, UNAVAILABLE, FakeAws

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def fetch(aws: FakeAws, actor_of: Make) -> Make:
    def fetched(grant: Grant, person: Any, door: str = "api", **more: Any) -> FetchedCredentials:
        return fetch_credentials(
            grant_id=grant.pk, aws=aws.ports(), actor=actor_of(person), door=door, **more
        )

    return fetched


def handed_out() -> int:
    return AuditEvent.objects.filter(type="access.session.handed_out").count()


def older(slot: CredentialSlot, seconds: float) -> None:
    """Make what is kept older."""
    back = timedelta(seconds=seconds)
    session = slot.session
    assert session is not None
    assert slot.expires_at is not None
    CredentialSlot.objects.filter(pk=slot.pk).update(expires_at=slot.expires_at - back)
    AwsSession.objects.filter(pk=session.pk).update(asked_at=session.asked_at - back)


def test_the_second_fetch_gets_what_is_kept(make_grant: Make, ben: Any, aws: FakeAws, fetch: Make) -> None:
    grant = make_grant(ben)
    first, second = fetch(grant, ben), fetch(grant, ben)
    assert (first.was_cached, second.was_cached) == (False, True)
    assert second.credentials == first.credentials
    assert (second.session_id, second.ends_at) == (first.session_id, first.ends_at)
    assert second.length_why == first.length_why
    assert aws.count("assume_role") == 1


def test_what_is_kept_stands_nowhere_in_plain_text(make_grant: Make, ben: Any, fetch: Make) -> None:
    fetch(make_grant(ben), ben)
    slot = CredentialSlot.objects.get()
    assert slot.sealed
    assert not any(
        secret.encode() in bytes(column)
        for secret in (SECRET, TOKEN, "ASIAFAKE")
        for column in (slot.sealed, slot.key)
    )


def test_another_door_is_written_down_once(make_grant: Make, ben: Any, fetch: Make) -> None:
    grant = make_grant(ben)
    fetch(grant, ben, "api")
    fetch(grant, ben, "api")
    assert handed_out() == 0, "the one who had it made is in the trail already"
    for _ in range(2):
        fetch(grant, ben, "page")
    assert handed_out() == 1
    assert set(HandOut.objects.values_list("door", flat=True)) == {"api", "page"}


def test_who_is_called_otherwise_each_time_fills_no_trail(
    make_grant: Make, ben: Any, aws: FakeAws, actor_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program says itself what it is called; from another address it is written down still."""
    monkeypatch.setattr(hand_out, "MOST_PLACES", 3)
    grant = make_grant(ben)

    def fetched(client: str, ip: str = "198.51.100.7") -> bool:
        actor = replace(actor_of(ben), user_agent=client, ip=ip)
        asked = {"grant_id": grant.pk, "aws": aws.ports(), "actor": actor, "door": "token:x"}
        return fetch_credentials(**asked).was_cached

    fetched("first")
    assert all(fetched(f"program {number}") for number in range(8))
    assert handed_out() == 3, "two by their names, then one for all the others"
    assert fetched("program 9", "203.0.113.5")
    assert handed_out() == 4
    assert HandOut.objects.filter(client=hand_out.MANY).count() == 2


def test_anothers_grant_gives_nothing_though_it_is_kept(
    make_grant: Make, ben: Any, mallory: Any, fetch: Make
) -> None:
    grant = make_grant(ben)
    fetch(grant, ben)
    with pytest.raises(NotFoundError):
        fetch(grant, mallory)
    assert AuditEvent.objects.filter(type="access.session.refused").count() == 1
    assert fetch(grant, ben).was_cached


def test_an_ended_grant_gives_nothing_and_its_neighbour_does(make_grant: Make, ben: Any, fetch: Make) -> None:
    ended, neighbour = make_grant(ben), make_grant(ben)
    fetch(ended, ben)
    fetch(neighbour, ben)
    revoke_grant(grant_id=ended.pk, reason="test", actor=Actor.command("tests"))
    with pytest.raises(ConflictError):
        fetch(ended, ben)
    assert fetch(neighbour, ben).was_cached


def test_the_end_takes_what_is_kept_and_its_key(make_grant: Make, ben: Any, fetch: Make) -> None:
    ended, neighbour = make_grant(ben), make_grant(ben)
    fetch(ended, ben)
    fetch(neighbour, ben)
    before = CredentialSlot.objects.get(grant=ended)
    revoke_grant(grant_id=ended.pk, reason="test", actor=Actor.command("tests"))
    slot = CredentialSlot.objects.get(grant=ended)
    assert (bytes(slot.key), bytes(slot.sealed), slot.session_id, slot.expires_at) == (b"", b"", None, None)
    assert slot.fence > before.fence, "who asks AWS at this moment keeps nothing"
    assert open_kept(before) is not None
    before.key = slot.key
    assert open_kept(before) is None
    assert CredentialSlot.objects.get(grant=neighbour).key


def test_the_sweep_takes_what_was_kept_too(make_grant: Make, ben: Any, fetch: Make, move_time: Make) -> None:
    grant, neighbour = make_grant(ben), make_grant(ben)
    fetch(grant, ben)
    fetch(neighbour, ben)
    CredentialSlot.objects.filter(grant=neighbour).update(refused_code="x", refused_until=database_now())
    AwsSession.objects.filter(grant=grant).update(
        asked_at=F("asked_at") - timedelta(hours=9), expires_at=F("expires_at") - timedelta(hours=8)
    )
    move_time(grant.pk, 7200)
    expire_batch()
    assert Grant.objects.get(pk=grant.pk).state == "expired"
    slot = CredentialSlot.objects.get(grant=grant)
    assert (bytes(slot.key), slot.session_id, slot.fence) == (b"", None, 3)
    assert CredentialSlot.objects.get(grant=neighbour).key


def test_a_cut_of_the_whole_role_takes_what_is_kept(
    make_grant: Make, make_role: Make, ben: Any, fetch: Make
) -> None:
    grant, neighbour = make_grant(ben), make_grant(ben, role=make_role("Writer"))
    first = fetch(grant, ben)
    fetch(neighbour, ben)
    cut_role(document_id=document_of_role(grant.role_id).pk, reason="test", actor=Actor.command("tests"))
    DenyDocument.objects.update(issued_before=first.ends_at)
    second = fetch(grant, ben)
    assert not second.was_cached
    assert second.session_id != first.session_id
    assert fetch(neighbour, ben).was_cached
    assert not fetch(grant, ben).was_cached, "issued in the second that AWS still denies"
    DenyDocument.objects.update(issued_before=first.ends_at - timedelta(hours=2))
    fetch(grant, ben)
    assert fetch(grant, ben).was_cached


def test_what_nears_its_end_is_renewed(make_grant: Make, ben: Any, aws: FakeAws, fetch: Make) -> None:
    grant = make_grant(ben, seconds=36_000)
    fetch(grant, ben)
    older(CredentialSlot.objects.get(), 2600)
    assert fetch(grant, ben).was_cached
    older(CredentialSlot.objects.get(), 200)
    assert not fetch(grant, ben).was_cached
    assert aws.count("assume_role") == 2


def test_what_is_kept_goes_out_where_aws_gives_nothing_new(
    make_grant: Make, ben: Any, aws: FakeAws, fetch: Make
) -> None:
    grant = make_grant(ben, seconds=36_000)
    fetch(grant, ben)
    older(CredentialSlot.objects.get(), 3300)
    aws.fail["assume_role"] = UNAVAILABLE
    assert fetch(grant, ben).was_cached
    older(CredentialSlot.objects.get(), 300)
    CredentialSlot.objects.update(refused_code="", refused_until=None)
    with pytest.raises(UpstreamError):
        fetch(grant, ben)


def test_a_refusal_is_everybodys_for_a_while(make_grant: Make, ben: Any, aws: FakeAws, fetch: Make) -> None:
    grant, neighbour = make_grant(ben), make_grant(ben)
    aws.fail["assume_role"] = GONE
    told = []
    for _ in range(3):
        with pytest.raises(UpstreamError) as refused:
            fetch(grant, ben)
        told.append((str(refused.value), refused.value.upstream_code, refused.value.retryable))
    assert len(set(told)) == 1
    assert aws.count("assume_role") == 1
    del aws.fail["assume_role"]
    assert not fetch(neighbour, ben).was_cached
    CredentialSlot.objects.filter(grant=grant).update(
        refused_until=AwsSession.objects.latest("asked_at").asked_at
    )
    assert not fetch(grant, ben).was_cached


def test_a_longer_grant_is_fetched_anew(make_grant: Make, ben: Any, fetch: Make) -> None:
    grant = make_grant(ben, seconds=1800)
    first = fetch(grant, ben)
    Grant.objects.filter(pk=grant.pk).update(ends_at=grant.ends_at + timedelta(hours=5))
    second = fetch(grant, ben)
    assert not second.was_cached
    assert second.ends_at > first.ends_at


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: Grant.objects.update(state="revoked", ended_at=database_now()), "window"),
        (lambda: AwsRole.objects.update(is_enabled=False), "switched_on"),
        (lambda: AwsRole.objects.update(allows_credentials=False), "kind"),
        (lambda: AwsRole.objects.update(factor_minutes=5), "factor"),
        (lambda: ExternalIdentity.objects.update(confirmed_at=None), "sign_in"),
        (lambda: Hold.objects.create(entered_at=database_now(), reason="test"), "hold"),
    ],
)
def test_a_refusal_is_written_down_with_the_doctors_reason(
    change: Callable[[], object], reason: str, make_grant: Make, ben: Any, fetch: Make
) -> None:
    grant = make_grant(ben)
    fetch(grant, ben)
    change()
    with pytest.raises(DomainError):
        fetch(grant, ben)
    told = AuditEvent.objects.get(type="access.session.refused").details
    assert told["reason"] == reason


def test_a_renewal_says_which_session_it_renews_and_how(make_grant: Make, ben: Any, fetch: Make) -> None:
    grant = make_grant(ben, seconds=36_000)
    first = fetch(grant, ben)
    older(CredentialSlot.objects.get(), 2800)
    second = fetch(grant, ben, "page")
    told = AuditEvent.objects.filter(type="access.session.issued").latest("pk").details
    assert told["session"] == str(second.session_id)
    assert told["renews"] == str(first.session_id)
    assert (told["door"], told["call"]) == ("page", "AssumeRole")
    assert told["duration_seconds"] == 3600
    session = AwsSession.objects.get(pk=second.session_id)
    assert session.client == "page tests"
    assert (told["session_name"], told["source_identity"]) == (session.session_name, session.source_identity)
    assert told["access_key_id"] == "ASIAFAKE"


def test_who_was_overtaken_while_waiting_for_its_turn_asks_nothing(
    make_grant: Make, ben: Any, aws: FakeAws, fetch: Make
) -> None:
    grant = make_grant(ben)
    AwsRole.objects.update(unique_id="")
    aws.before["unique_id"] = lambda: CredentialSlot.objects.update(fence=F("fence") + 1)
    with pytest.raises(BusyError) as busy:
        fetch(grant, ben)
    assert busy.value.retry_after_seconds == 1
    assert aws.count("assume_role") == AwsSession.objects.count() == 0
    CredentialSlot.objects.update(leased_until=None)
    assert not fetch(grant, ben).was_cached


def test_who_holds_on_for_too_long_keeps_nothing_and_the_next_does(
    make_grant: Make, ben: Any, aws: FakeAws, fetch: Make
) -> None:
    grant = make_grant(ben)
    aws.after["assume_role"] = lambda: CredentialSlot.objects.update(fence=F("fence") + 1, leased_until=None)
    assert not fetch(grant, ben).was_cached
    assert CredentialSlot.objects.get().session_id is None
    del aws.after["assume_role"]
    assert not fetch(grant, ben).was_cached
    assert fetch(grant, ben).was_cached
