"""The Celery application: celery -A portal.config.celery worker | beat."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import (
    beat_init,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_init,
    worker_shutdown,
    worker_shutting_down,
)
from django.core.exceptions import ImproperlyConfigured
from kombu import Queue
from kombu.transport.redis import Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.config.settings")

app = Celery("sallyport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["portal.jobs"])
app.conf.update(
    # Two queues, taken from in turn: the sweep never waits behind a backlog of calls to AWS. A worker without -Q
    # takes from both; on many machines some may take from one alone.
    task_default_queue="sweep",
    # Each by its own key: by Celery's default both would get every task.
    task_queues=[Queue("sweep", routing_key="sweep"), Queue("aws", routing_key="aws")],
    task_routes={
        name: {"queue": "aws", "routing_key": "aws"}
        for name in (
            "portal.jobs.revoke",
            "portal.jobs.partner_roles",
            "portal.jobs.prove_external_ids",
            "portal.jobs.check_drift",
            "portal.jobs.check_account",
            "portal.jobs.verify_accounts",
            "portal.jobs.refresh_metadata",
            "portal.jobs.sync_people",
            "portal.jobs.settle_doubt",
        )
    },
    # Threads: the work waits for AWS, and prefork would hold a copy of everything, connections included, each.
    worker_pool="threads",
    worker_concurrency=8,
    # In memory: nothing is left in the working directory, and nothing is to be read at a start.
    beat_scheduler="portal.jobs.beat:SteadyScheduler",
)
# Else Celery closes the database connection around every task; `_keep_good_connections` sees to bad ones.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize // 4
# Nor is anything put back into Redis by whoever has just lost it: see `ack_emulation` in the settings.
Channel.do_restore = False


@setup_logging.connect
def _keep_django_logging(**kwargs: Any) -> None:
    """Connected so that Celery leaves Django's logging as the settings have it."""


@worker_init.connect
@beat_init.connect
def _refuse_insecure_start(**kwargs: Any) -> None:
    del kwargs
    from portal.config.checks import refuse_insecure_start  # noqa: PLC0415  # needs Django set up

    try:
        refuse_insecure_start()
    except ImproperlyConfigured as refusal:
        # Celery logs what a signal's receiver raises and starts all the same: only an exit stops it.
        sys.stderr.write(f"{refusal}\n")
        raise SystemExit(1) from None


@worker_init.connect
def _keep_threads_free(sender: Any = None, **kwargs: Any) -> None:
    del kwargs
    from portal.jobs.capacity import set_concurrency  # noqa: PLC0415  # needs Django set up

    set_concurrency(int(getattr(sender, "concurrency", None) or app.conf.worker_concurrency))


@worker_shutting_down.connect
def _end_the_sweeps_turn(**kwargs: Any) -> None:
    """A worker that is asked to stop waits for its tasks: the sweep's ends at once, and another worker goes on."""
    del kwargs
    from portal.jobs.sweep_loop import stop_sweeping  # noqa: PLC0415  # needs Django set up

    stop_sweeping()


@task_prerun.connect
@task_postrun.connect
def _keep_good_connections(**kwargs: Any) -> None:
    """Drop this thread's database connection where it broke or is old, as Django does around each request."""
    del kwargs
    from django.db import close_old_connections  # noqa: PLC0415  # needs the settings

    close_old_connections()


@task_prerun.connect
def _name_log_lines(task_id: str = "", **kwargs: Any) -> None:
    """Have a task's log lines carry its id, as a page's carry the request's."""
    del kwargs
    from portal.kernel.logs import begin_lines_about  # noqa: PLC0415  # as above

    begin_lines_about(task_id)


@task_postrun.connect
@worker_shutdown.connect
def _write_counts(sender: Any = None, signal: Any = None, **kwargs: Any) -> None:
    """Add what was counted to the sums: every few seconds, and at the worker's end."""
    del sender, kwargs
    from portal.kernel import tallies  # noqa: PLC0415  # as above

    if signal is worker_shutdown:
        tallies.flush()
    else:
        tallies.flush_when_old()
