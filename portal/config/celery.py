"""The Celery application: celery -A portal.config.celery worker | beat."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.config.settings")

app = Celery("sallyport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["portal.jobs"])


@setup_logging.connect
def _keep_django_logging(**kwargs: Any) -> None:
    """Connected so that Celery leaves Django's logging as the settings have it."""


@worker_init.connect
@beat_init.connect
def _refuse_insecure_start(**kwargs: Any) -> None:
    del kwargs
    from portal.config.checks import refuse_insecure_start  # noqa: PLC0415  # needs Django set up

    refuse_insecure_start()
