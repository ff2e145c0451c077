"""SAML providers' metadata, refreshed from their addresses: what is due is found in the database."""

import logging

from celery import shared_task

from portal.identity.operations.refresh_metadata import refresh_metadata
from portal.identity.operations.watch_metadata import alarm_ending_metadata, due_for_refresh
from portal.jobs.capacity import free_slot
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import DomainError
from portal.wiring import saml_ports

log = logging.getLogger(__name__)
ACTOR = Actor.system("metadata refresh")


@shared_task(name="portal.jobs.refresh_metadata")
def refresh() -> int:
    """Ask the addresses that were not asked for an hour, a few per run; alarm what will soon let nobody in.

    One that fails holds up no other. Several runs at once are harmless: the same document is taken twice.
    """
    saml = saml_ports()
    asked = 0
    with free_slot() as is_free:
        for provider_id in due_for_refresh(at=database_now()) if is_free else ():
            asked += 1
            try:
                refresh_metadata(
                    provider_id=provider_id, fetch=saml.fetch, read=saml.read_metadata, actor=ACTOR
                )
            except DomainError as refusal:
                log.info("metadata of %s was not refreshed: %s", provider_id, refusal)
    alarm_ending_metadata(at=database_now(), read=saml.read_metadata)
    return asked
