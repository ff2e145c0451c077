"""The faults, injected for real: python -m tests.integration.jobs.faults DIRECTORY postgresql|sqlite [--real-lease]

Prints one JSON object with the seconds that were measured. A process of its own, because it works on a database
that a real worker shares. Without --real-lease the killed worker's lease is moved on in the database, for speed.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.integration.brokers.aws.estate import BUCKET, ROLE, TARGET, VIA_ARN, is_denied
from tests.integration.jobs.plant import Plant, plant
from tests.servers.valkey import valkey

DUE = 50


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("database", choices=["postgresql", "sqlite"])
    parser.add_argument("--real-lease", action="store_true")
    asked = parser.parse_args()
    with plant(asked.directory, asked.database) as made:
        os.environ.update(made.environment, DJANGO_SETTINGS_MODULE="portal.config.settings")
        import django  # noqa: PLC0415  # after its settings are chosen
        from django.core.management import call_command  # noqa: PLC0415

        django.setup()
        call_command("migrate", verbosity=0)
        figures = Faults(made, asked.real_lease).run()
    print(json.dumps(figures))  # noqa: T201  # the result


class Faults:
    def __init__(self, made: Plant, real_lease: bool) -> None:
        from portal.catalog.models import AwsAccount, AwsRole  # noqa: PLC0415
        from portal.directory.models import Person  # noqa: PLC0415
        from portal.wiring import aws_ports  # noqa: PLC0415

        self.plant, self.real_lease = made, real_lease
        account = AwsAccount.objects.create(name="Target", account_id=TARGET, revoker_role_arn=VIA_ARN)
        self.role = AwsRole.objects.create(account=account, title=ROLE, name=ROLE, sets_source_identity=False)
        self.person = Person.objects.admit(name="Ada Brook")
        self.aws = aws_ports()
        self.named: set[str] = set()

    def run(self) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        self.plant.start("worker", "beat")
        neighbour, works = self.session()
        for name, hold in (("request", "hold_request"), ("answer", "hold_answer")):
            figures[f"killed_{name}_held"] = self.kill_in_mid_revoke(hold)
            assert not is_denied(works), "the neighbour was cut off"
        figures["flushed"] = self.flush_with_due_grants()
        figures["redis_away"] = self.redis_away()
        assert not is_denied(works), "the neighbour was cut off"
        assert set(self.denied()) == self.named, "the document names others than those that ended"
        neighbour.refresh_from_db()
        assert neighbour.state == "active"
        figures["worker_mb"] = self.plant.resident_megabytes("worker")
        figures["connections"] = self.connections()
        left = {path.name for path in self.plant.directory.iterdir()}
        assert not {name for name in left if "beat-schedule" in name}, left
        return figures

    def kill_in_mid_revoke(self, hold: str) -> dict[str, float]:
        grant, works = self.session()
        assert not is_denied(works)
        getattr(self.plant.proxy, hold)(b"PutRolePolicy")
        self.revoke(grant)
        assert self.plant.proxy.caught.wait(30), "no put was caught"
        self.plant.kill("worker")
        self.plant.proxy.let_go()
        killed = time.monotonic()
        if not self.real_lease:
            self.expire_leases()
        self.plant.start("worker")
        self.wait(lambda: self.state(grant) == "applied", 100, "the revocation after kill -9")
        recovered = time.monotonic() - killed
        assert is_denied(works), "the killed worker's revocation did not cut the session"
        self.audited_once("access.revocation.applied", [grant])
        return {"revoked_to_applied_s": self.to_applied(grant), "kill_to_applied_s": round(recovered, 2)}

    def flush_with_due_grants(self) -> dict[str, float]:
        from portal.access.models import Grant  # noqa: PLC0415

        made = [self.session() for _ in range(DUE)]
        ids = [grant.pk for grant, _ in made]
        ends_at = datetime.now(UTC) + timedelta(seconds=2)
        Grant.objects.filter(pk__in=ids).update(ends_at=ends_at)
        redis = self.plant.redis.client()
        for _ in range(10):  # from before the end until after it: queues, bindings, everything
            redis.flushall()
            time.sleep(0.3)
        self.wait(lambda: all(self.state(grant) == "applied" for grant, _ in made), 60, "the due grants")
        rows: list[Any] = list(Grant.objects.filter(pk__in=ids, state="expired").select_related("revocation"))
        assert len(rows) == DUE
        self.audited_once("access.grant.expired", [grant for grant, _ in made])
        self.audited_once("access.revocation.applied", [grant for grant, _ in made])
        assert all(is_denied(works) for _, works in made[:5])
        return {
            "late_to_ended_s": max((row.ended_at - ends_at).total_seconds() for row in rows),
            "late_to_applied_s": max((row.revocation.applied_at - ends_at).total_seconds() for row in rows),
        }

    def redis_away(self) -> dict[str, float]:
        grant, works = self.session()
        os.kill(self.plant.redis.pid, 9)
        began = time.monotonic()
        self.revoke(grant)
        clicked = time.monotonic() - began
        time.sleep(2)
        with valkey(self.plant.directory, port=self.plant.redis.port):
            back = time.monotonic()
            self.wait(lambda: self.state(grant) == "applied", 60, "the revocation after Redis came back")
            returned = time.monotonic() - back
        assert is_denied(works)
        self.audited_once("access.revocation.applied", [grant])
        return {"revoke_took_s": round(clicked, 2), "back_to_applied_s": round(returned, 2)}

    def session(self) -> tuple[Any, Callable[[], object]]:
        """Grant, issue, and return the grant with a call that works with its credentials."""
        from portal.access.operations.issue_credentials import issue_credentials  # noqa: PLC0415
        from portal.access.operations.make_grant import GrantOrder, make_grant  # noqa: PLC0415
        from portal.kernel.actor import Actor, ActorKind  # noqa: PLC0415

        order = GrantOrder(
            person_id=self.person.pk,
            role_id=self.role.pk,
            ends_at=datetime.now(UTC) + timedelta(hours=1),
            reason="faults",
        )
        grant = make_grant(order=order, aws=self.aws, actor=Actor.command("faults"))
        actor = Actor(ActorKind.PERSON, self.person.name, self.person.pk)
        issued = issue_credentials(grant_id=grant.pk, aws=self.aws, actor=actor)
        s3 = self.plant.aws.as_session("s3", issued.credentials)
        return grant, lambda: s3.get_object(Bucket=BUCKET, Key="plan.txt")

    def revoke(self, grant: Any) -> None:
        from portal.access.operations.revoke_grant import revoke_grant  # noqa: PLC0415
        from portal.kernel.actor import Actor  # noqa: PLC0415

        revoke_grant(grant_id=grant.pk, reason="faults", actor=Actor.command("faults"))

    def state(self, grant: Any) -> str:
        from portal.access.models import Revocation  # noqa: PLC0415

        found = Revocation.objects.filter(grant=grant.pk).first()
        if found is not None and found.state == "applied":
            self.named.update(found.userids)
        return found.state if found else "none"

    def to_applied(self, grant: Any) -> float:
        from portal.access.models import Revocation  # noqa: PLC0415

        row = Revocation.objects.get(grant=grant.pk)
        return round((row.applied_at - row.asked_at).total_seconds(), 2)  # type: ignore[operator]  # it is applied

    def audited_once(self, event: str, grants: list[Any]) -> None:
        from portal.audit.models import AuditEvent  # noqa: PLC0415

        rows = AuditEvent.objects.filter(type=event, grant_id__in=[grant.pk for grant in grants])
        found = sorted(str(pk) for pk in rows.values_list("grant_id", flat=True))
        assert found == sorted(str(grant.pk) for grant in grants), f"{event}: {len(found)} for {len(grants)}"

    def denied(self) -> frozenset[str]:
        return self.aws.deny.read(self.role.deny_target).entries

    def expire_leases(self) -> None:
        from portal.access.models import DenyDocument  # noqa: PLC0415

        held = DenyDocument.objects.filter(leased_until__isnull=False)
        held.update(leased_until=datetime.now(UTC) - timedelta(seconds=1))

    def connections(self) -> int:
        from django.db import connection  # noqa: PLC0415

        if connection.vendor != "postgresql":
            return 0
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
            return int(cursor.fetchone()[0])

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                logs = "\n".join(path.read_text()[-3000:] for path in self.plant.directory.glob("*r.log"))
                raise AssertionError(f"{what}: not within {seconds} s\n{logs}")
            time.sleep(0.1)


if __name__ == "__main__":
    main()
