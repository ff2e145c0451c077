"""Metrics: who may read them, what they say, and that it costs the same however long the history is."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from portal.directory.models import Person
from portal.kernel import tallies
from portal.kernel.models import OutboxMessage
from tests.integration.web.operating_world import (
    enter_hold,
    make_ended,
    make_revocation,
    now,
    raise_alarm,
    sweep_ran,
    tell_everything,
)
from tests.world import make_grant, make_role, make_scheduled

pytestmark = pytest.mark.django_db
TOKEN = "metrics-token-of-these-tests"
BUDGET = 14


@pytest.fixture(autouse=True)
def _counted_anew() -> Iterator[None]:
    tallies._waiting.clear()
    yield
    tallies._waiting.clear()


def scrape(client: Client) -> dict[str, float]:
    """Return each sample by its name and labels, as Prometheus' own parser reads them."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.content.decode())
    samples = [sample for family in families for sample in family.samples]
    return {f"{s.name}{sorted(s.labels.values()) or ''}": s.value for s in samples}


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.8.9.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.7", {}, 403),
        ("10.0.0.1", {}, 403),
        ("", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 403),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 403),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}, 403),
        ("192.0.2.7", {"X-Forwarded-For": "127.0.0.1"}, 403),
    ],
)
def test_without_a_token_this_machine_alone_may_read(
    client: Client, settings: LazySettings, address: str, headers: dict[str, str], status: int
) -> None:
    settings.METRICS_TOKEN = ""
    for settings.TRUSTED_PROXIES in (0, 1):
        assert client.get("/metrics", headers=headers, REMOTE_ADDR=address).status_code == status


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        TOKEN,
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        "Bearer \xe4",
    ],
)
def test_with_a_token_nobody_else_may_read(client: Client, settings: LazySettings, given: str | None) -> None:
    settings.METRICS_TOKEN = TOKEN
    headers = {"Authorization": given} if given is not None else {}
    refused = client.get("/metrics", headers=headers, REMOTE_ADDR="127.0.0.1")
    assert (refused.status_code, refused.content) == (403, b"forbidden")
    right = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, REMOTE_ADDR="192.0.2.7")
    assert right.status_code == 200


def test_it_is_read_only(client: Client) -> None:
    assert client.post("/metrics").status_code == 405


def test_of_nothing_it_says_nothing_is_late(client: Client) -> None:
    told = scrape(client)
    assert told["sallyport_expiry_lag_seconds"] == told["sallyport_oldest_waiting_revocation_seconds"] == 0
    assert (
        told["sallyport_grants['active']"] == told["sallyport_hold"] == told["sallyport_outbox_waiting"] == 0
    )
    assert told["sallyport_revocations['failing']"] == told["sallyport_alarms_open['sweep_stopped']"] == 0
    assert (
        told["sallyport_grants_ended_total['expired']"] == told["sallyport_cutoff_applied_seconds_count"] == 0
    )
    assert "sallyport_sweep_age_seconds" not in told, "a sweep that never ran has no age"


def test_it_says_what_is(client: Client, ben: Person) -> None:
    sweep_ran(ago=12, late=0.3)
    make_grant(ben, ends_at=now() - timedelta(seconds=45))
    make_grant(ben)
    make_scheduled(ben)
    role = make_role()
    for state in ("pending", "failing", "failing", "applied", "proven", "cleaned"):
        make_revocation(make_ended(ben, role), state, ago=300)
    raise_alarm()
    enter_hold()
    OutboxMessage.objects.create(topic="x", created_at=now(), next_try_at=now())
    told = scrape(client)
    assert told["sallyport_sweep_age_seconds"] == pytest.approx(12, abs=2)
    assert told["sallyport_sweep_late_seconds"] == 0.3
    assert told["sallyport_expiry_lag_seconds"] == pytest.approx(45, abs=2)
    assert (told["sallyport_grants['active']"], told["sallyport_grants['scheduled']"]) == (2, 1)
    states = ("pending", "failing", "applied", "proven")
    assert [told[f"sallyport_revocations['{state}']"] for state in states] == [1, 2, 1, 1]
    assert told["sallyport_oldest_waiting_revocation_seconds"] == pytest.approx(300, abs=2)
    assert told["sallyport_alarms_open['revocation_late']"] == 1
    assert told["sallyport_hold"] == told["sallyport_outbox_waiting"] == 1


def test_it_says_what_happened_in_this_process_too(client: Client) -> None:
    tallies.observe("cutoff_applied", 0.7)
    tallies.observe("cutoff_applied", 9_999)
    tallies.count("sts_calls", "assume_role:ok", 3)
    tallies.count("sts_calls", "assume_role:refused")
    tallies.count("grants_ended", "revoked")
    tallies.count("probes", "explicit_deny")
    told = scrape(client)
    assert told["sallyport_cutoff_applied_seconds_count"] == 2
    assert told["sallyport_cutoff_applied_seconds_sum"] == pytest.approx(9_999.7)
    assert told["sallyport_cutoff_applied_seconds_bucket['0.5']"] == 0
    assert told["sallyport_cutoff_applied_seconds_bucket['1.0']"] == 1
    assert told["sallyport_cutoff_applied_seconds_bucket['+Inf']"] == 2
    assert told["sallyport_sts_calls_total['assume_role', 'ok']"] == 3
    assert told["sallyport_sts_calls_total['assume_role', 'refused']"] == 1
    assert told["sallyport_grants_ended_total['revoked']"] == 1
    assert told["sallyport_probes_total['explicit_deny']"] == 1
    again = scrape(client)
    assert again["sallyport_sts_calls_total['assume_role', 'ok']"] == 3, "a scrape counts nothing twice"


def test_it_names_nobody(client: Client, ben: Person) -> None:
    tell_everything(ben)
    text = client.get("/metrics").content.decode()
    assert "Ben" not in text
    assert "ProductionOperator" not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)


@pytest.mark.parametrize("crowd", [1, 12])
def test_its_queries_do_not_grow(client: Client, ben: Person, crowd: int) -> None:
    tell_everything(ben, crowd=crowd)
    with CaptureQueriesContext(connection) as asked:
        scrape(client)
    assert len(asked) <= BUDGET, [query["sql"][:120] for query in asked]
