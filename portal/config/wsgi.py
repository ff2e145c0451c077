"""The web process: granian --interface wsgi portal.config.wsgi:application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.config.settings")
application = get_wsgi_application()

from portal.config.checks import refuse_insecure_start  # noqa: E402  # needs Django set up

refuse_insecure_start()
