"""The web process: granian --interface wsgi portal.config.wsgi:application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.config.settings")
application = get_wsgi_application()

from django.core.signals import request_finished  # noqa: E402  # from here on Django is set up

from portal.config.checks import refuse_insecure_start  # noqa: E402
from portal.kernel import tallies  # noqa: E402

refuse_insecure_start()
# After the answer is out, and with no transaction open.
request_finished.connect(tallies.flush_when_old)
tallies.flush_at_exit()

from portal.jobs.watchdog import start_watchdog  # noqa: E402  # needs Django set up

start_watchdog()

from portal.config.build_ahead import build_ahead  # noqa: E402  # as above

build_ahead()
