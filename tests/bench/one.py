"""python -m tests.bench.one NAME: run one bench on a PostgreSQL of its own; its part of the page goes to stdout."""

import importlib
import os
import secrets
import signal
import sys

from tests.servers.postgres import start_postgres


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is ended too
    server = start_postgres()
    try:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="portal.config.settings",
            SALLYPORT_DATABASE_URL=server.url,
            SALLYPORT_REDIS_URL="memory://",
            SALLYPORT_SECRET_KEY=secrets.token_urlsafe(48),
            SALLYPORT_LOG_LEVEL="WARNING",
        )
        import django  # noqa: PLC0415  # after its settings are chosen

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415

        call_command("migrate", verbosity=0)
        for section in importlib.import_module(f"tests.bench.{sys.argv[1]}").run():
            sys.stdout.write(section.markdown() + "\n")
    finally:
        server.remove()


if __name__ == "__main__":
    main()
