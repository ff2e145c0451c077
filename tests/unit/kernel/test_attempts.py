from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models import F

from portal.kernel import attempts
from portal.kernel.attempts import Limit
from portal.kernel.clock import database_now
from portal.kernel.errors import TooManyError
from portal.kernel.models import AttemptCount

THREE = Limit("three", 3, timedelta(minutes=10))
OTHER = Limit("other", 3, timedelta(minutes=10))


def is_refused(limit: Limit, *parts: str) -> bool:
    try:
        attempts.spend(limit, *parts)
    except TooManyError:
        return True
    return False


@pytest.mark.django_db
def test_so_many_and_no_more_in_a_period() -> None:
    assert [is_refused(THREE, "ada") for _ in range(5)] == [False, False, False, True, True]
    assert not is_refused(THREE, "ben"), "another account is not concerned"
    assert not is_refused(OTHER, "ada"), "nor is another door"
    assert not is_refused(THREE, "ad", "a"), "parts are not run together"
    AttemptCount.objects.update(until=F("until") - timedelta(minutes=10))
    assert not is_refused(THREE, "ada"), "a new period"


@pytest.mark.django_db
def test_the_wait_is_told() -> None:
    for _ in range(3):
        attempts.spend(THREE, "ada")
    with pytest.raises(TooManyError) as refusal:
        attempts.check(THREE, "ada")
    assert 595 < refusal.value.retry_after_seconds <= 600
    assert str(refusal.value) == "Too many tries from here. Wait 10 minutes, then try again."
    attempts.check(THREE, "ben")


@pytest.mark.django_db
def test_what_was_no_try_is_given_back_and_what_is_over_forgotten() -> None:
    for _ in range(3):
        attempts.spend(THREE, "ada")
    attempts.give_back(THREE, "ada")
    assert [is_refused(THREE, "ada"), is_refused(THREE, "ada")] == [False, True]
    attempts.forget(THREE, "ada")
    assert attempts.count(THREE, "ada") == 1
    assert attempts.is_noted(THREE, "ada")
    assert not attempts.is_noted(THREE, "ben")
    assert attempts.tidy_attempts(at=database_now()) == 0
    assert attempts.tidy_attempts(at=database_now() + timedelta(minutes=11)) == 1


@pytest.mark.django_db
def test_the_table_names_nobody() -> None:
    attempts.spend(THREE, "ada@example.com")
    assert "ada" not in str(AttemptCount.objects.values().get())


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_tries_sent_side_by_side_do_not_slip_through_together() -> None:
    def once(_: int) -> bool:
        try:
            return is_refused(THREE, "ada")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        refused = list(pool.map(once, range(24)))
    assert refused.count(False) == 3
