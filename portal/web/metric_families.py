"""What is measured, as prometheus-client's families. Names and labels are a promise: dashboards depend on them.

What is now is read by partial indexes; what happened comes from the tallies (see decision 9). No cache hits: there is
no cache yet.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from portal.access import operating_queries as operating
from portal.access.lifecycle import ENDED, AlarmKind, stored
from portal.access.operations.running.hold import is_held
from portal.kernel import tallies
from portal.kernel.clock import database_now

PREFIX = "sallyport_"
# The tally, its words, its labels: a tally's own label has one part for each, between colons.
COUNTERS = (
    ("grants_ended", "Grants that ended, by the state they went to.", ("state",)),
    ("sts_calls", "Calls to AWS STS, by operation and outcome.", ("operation", "outcome")),
    ("container_requests", "Requests of programs for credentials, by what they were answered.", ("outcome",)),
    ("probes", "Probes whether AWS denies what was cut off, by what they found.", ("outcome",)),
)
HISTOGRAMS = (
    ("cutoff_applied", "Seconds from the end of a grant until AWS showed the deny of its sessions."),
    ("cutoff_proven", "Seconds from the end of a grant until AWS was seen to deny its sessions."),
    ("expiry_lateness", "Seconds from a grant's end by the clock until the sweep ended it."),
)


class Families(Collector):
    """One scrape. Writes this process' own counts first, so that they are among what is read."""

    def collect(self) -> Iterator[Metric]:
        tallies.flush()
        sums = tallies.read()
        now = database_now()
        yield from _sweep(now)
        yield from _revocations(now)
        yield from _by_label("grants", "Living grants by state.", "state", operating.living_grants())
        alarms = operating.open_alarms_by_kind()
        kinds = {kind.value: alarms.get(kind.value, 0) for kind in AlarmKind}
        yield from _by_label("alarms_open", "Alarms that are not over, by kind.", "kind", kinds)
        held = is_held()
        yield _gauge("hold", "1 while nothing is issued or revoked until an operator has looked.", int(held))
        backlog = operating.undelivered_messages()
        yield _gauge("outbox_waiting", f"Messages that wait; {operating.MOST + 1} is that or more.", backlog)
        yield from _happened(sums)


def _sweep(now: datetime) -> Iterator[Metric]:
    row = operating.sweep_row()
    if row is not None and row.ran_at is not None:
        yield _gauge(
            "sweep_age_seconds", "Seconds since the sweep last did all that was due.", _age(row.ran_at, now)
        )
        yield _gauge("sweep_late_seconds", "How late the latest end of its last run was.", row.late_seconds)
    due = operating.oldest_end_not_swept(now)
    yield _gauge(
        "expiry_lag_seconds",
        "How long ago the oldest end is that the sweep has not done; 0: none.",
        _age(due, now),
    )


def _revocations(now: datetime) -> Iterator[Metric]:
    states = operating.revocations_by_state()
    yield from _by_label("revocations", "Revocations that are not cleaned, by state.", "state", states)
    oldest = operating.oldest_waiting()
    yield _gauge(
        "oldest_waiting_revocation_seconds",
        "Age of the oldest revocation that AWS has not taken; 0: none.",
        _age(oldest, now),
    )


def _happened(sums: Mapping[str, Mapping[str, float]]) -> Iterator[Metric]:
    for name, words, labels in COUNTERS:
        counter = CounterMetricFamily(PREFIX + name, words, labels=labels)
        zeros = dict.fromkeys(stored(ENDED), 0.0) if name == "grants_ended" else {}
        for label, amount in sorted({**zeros, **sums.get(name, {})}.items()):
            parts = label.split(":", len(labels) - 1)
            counter.add_metric([*parts, *[""] * (len(labels) - len(parts))], amount)
        yield counter
    for name, words in HISTOGRAMS:
        told = tallies.histogram(sums.get(name, {}))
        yield HistogramMetricFamily(
            f"{PREFIX}{name}_seconds", words, buckets=list(told.buckets), sum_value=told.total
        )


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, words, value=value)


def _by_label(name: str, words: str, label: str, values: Mapping[str, float]) -> Iterator[Metric]:
    family = GaugeMetricFamily(PREFIX + name, words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    yield family


def _age(at: datetime | None, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds()) if at is not None else 0.0
