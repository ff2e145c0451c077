"""manage.py watch_sweep: one look at the sweep, for cron, systemd or any monitoring that reads exit codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.access.operations.running.sweep_health import watch_sweep


class Command(BaseCommand):
    help = "Say whether the sweep runs: exit code 0 when it does; 1, and an alarm in the portal, when it has stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        health = watch_sweep()
        if not health.runs:
            raise CommandError(str(health))
        self.stdout.write(str(health))
