"""Until when the providers' word for somebody counts: to the second, the best word of all, and nobody else's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.directory.models import ExternalIdentity, IdentityProvider, Person, ScimToken
from portal.directory.vouching import FOR_NOW, SignInTooOldError, check_vouched, vouched_until, why_too_old

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
SAID = datetime(2026, 5, 6, 7, 8, 9, 300_000, tzinfo=UTC)
END = SAID + timedelta(hours=24)
WHOLE_END = END.replace(microsecond=0)
SECOND = timedelta(seconds=1)


@pytest.fixture
def ada(person: Make) -> Person:
    made: Person = person("Ada Brook", vouched=False)
    return made


def known(person: Person, slug: str = "corp", **fields: Any) -> ExternalIdentity:
    hours = fields.pop("max_age_hours", 24)
    provider, _ = IdentityProvider.objects.get_or_create(
        slug=slug, defaults={"name": slug.title(), "max_age_hours": hours}
    )
    given = {"subject": f"{person.pk}", "confirmed_at": SAID}
    return ExternalIdentity.objects.create(**{"provider": provider, "person": person, **given, **fields})


def scim_token(identity: ExternalIdentity, **fields: Any) -> ScimToken:
    given = {"name": "t", "prefix": "scim_x", "digest": f"{ScimToken.objects.count():064x}"}
    times = {"created_at": SAID - SECOND, "expires_at": END + timedelta(days=9)}
    return ScimToken.objects.create(**{"provider": identity.provider, **given, **times, **fields})


def said(person: Person, at: datetime) -> str:
    with pytest.raises(SignInTooOldError) as refused:
        check_vouched(person.pk, at=at)
    assert refused.value.code == "sign_in_too_old"
    assert why_too_old(person.pk, at=at) == str(refused.value)
    return str(refused.value)


def test_a_word_counts_until_its_whole_second_and_not_at_it(ada: Person, person: Make) -> None:
    known(ada)
    neighbour = person("Nia Neighbour", vouched=False)
    known(neighbour, confirmed_at=SAID + timedelta(hours=1))
    assert vouched_until(ada.pk, at=SAID) == END
    assert check_vouched(ada.pk, at=WHOLE_END - timedelta(microseconds=1)) == WHOLE_END
    for late in (WHOLE_END, END - timedelta(milliseconds=1), END, END + SECOND):
        assert said(ada, late) == (
            "Your sign-in is older than 24 hours: sign in again at Corp, and this works at once."
        )
        assert check_vouched(neighbour.pk, at=late) == WHOLE_END + timedelta(hours=1)
        assert not why_too_old(neighbour.pk, at=late)


def test_the_best_word_of_several_counts_and_none_that_is_gone(ada: Person) -> None:
    short, long = known(ada, "corp"), known(ada, "guest", max_age_hours=72)
    assert vouched_until(ada.pk, at=SAID) == SAID + timedelta(hours=72)
    ExternalIdentity.objects.filter(pk=long.pk).update(gone_at=SAID, gone_why="disabled")
    assert vouched_until(ada.pk, at=SAID) == END
    assert "older than 24 hours: sign in again at Corp" in said(ada, END)
    ExternalIdentity.objects.filter(pk=short.pk).update(gone_at=SAID, gone_why="removed")
    assert vouched_until(ada.pk, at=SAID) is None
    assert said(ada, SAID) == "No identity provider vouches for you any more: ask an admin."


def test_the_advice_is_the_provider_whose_word_counts_longest(ada: Person) -> None:
    known(ada, "corp", confirmed_at=SAID - timedelta(hours=2))
    known(ada, "hour", max_age_hours=1)
    assert "older than 24 hours: sign in again at Corp" in said(ada, END + SECOND)
    known(ada, "month", max_age_hours=24 * 30, confirmed_at=SAID)
    assert "older than 30 days: sign in again at Month" in said(ada, SAID + timedelta(days=30))


def test_an_hour_is_said_so(ada: Person) -> None:
    known(ada, "hour", max_age_hours=1)
    assert "older than an hour: sign in again at Hour" in said(ada, END)


def test_a_provider_that_is_switched_off_vouches_for_nobody(ada: Person) -> None:
    identity = known(ada, is_provisioned=True)
    scim_token(identity)
    assert check_vouched(ada.pk, at=SAID)
    IdentityProvider.objects.filter(slug="corp").update(is_enabled=False)
    assert said(ada, SAID).startswith("No identity provider vouches")
    IdentityProvider.objects.filter(slug="corp").update(is_enabled=True)
    assert check_vouched(ada.pk, at=SAID)


def test_what_scim_keeps_stands_while_one_of_its_tokens_is_usable(ada: Person, person: Make) -> None:
    identity, late = known(ada, is_provisioned=True, confirmed_at=None), END + SECOND
    neighbour = person("Nia Neighbour", vouched=False)
    known(neighbour, confirmed_at=SAID)  # the same provider, and SCIM did not make this one
    token = scim_token(identity)
    assert vouched_until(ada.pk, at=late) == late + FOR_NOW
    assert "older than 24 hours" in said(neighbour, late)
    ScimToken.objects.filter(pk=token.pk).update(revoked_at=late)
    assert said(ada, late) == "Sign in at Corp first, and this works at once."
    ScimToken.objects.filter(pk=token.pk).update(revoked_at=None, expires_at=late)
    said(ada, late)
    scim_token(identity, revoked_at=SAID)
    said(ada, late)
    scim_token(identity)
    assert check_vouched(ada.pk, at=late) > late + timedelta(days=3000)


def test_a_scim_token_of_another_provider_says_nothing(ada: Person, person: Make) -> None:
    known(ada, is_provisioned=True, confirmed_at=None)
    scim_token(known(person("Olga", vouched=False), "other", is_provisioned=True))
    said(ada, SAID)


def test_whoever_scim_keeps_is_vouched_for_by_a_sign_in_too_once_its_tokens_are_over(ada: Person) -> None:
    known(ada, is_provisioned=True)
    assert vouched_until(ada.pk, at=SAID) == END


def test_nobody_is_vouched_for_before_they_ever_signed_in(ada: Person) -> None:
    known(ada, confirmed_at=None)
    assert vouched_until(ada.pk, at=SAID) is None
    assert said(ada, SAID) == "Sign in at Corp first, and this works at once."
