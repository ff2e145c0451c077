"""Each minute: partners whose sponsor is gone. What is due is found in the database."""

from celery import shared_task

from portal.access.operations.partners.watch_sponsors import watch_sponsors
from portal.kernel.clock import database_now


@shared_task(name="portal.jobs.watch_sponsors")
def watch() -> int:
    return watch_sponsors(at=database_now())
