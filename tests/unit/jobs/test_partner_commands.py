"""The commands about partners: what they say, their exit codes, wrong arguments, and the database down."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from brokers.errors import NotPossible
from portal.access.models import Grant, PartnerRole
from portal.access.operations.partners.partner_role_spec import spec_of
from portal.audit.models import AuditEvent
from portal.catalog.models import AwsAccount
from portal.directory.models import Partner
from portal.jobs.management.commands import check_drift, doctor
from portal.kernel.clock import database_now
from tests.fakes import UNAVAILABLE, FakeAws
from tests.partners import account_grant, make_partner, partner_account
from tests.servers.process import free_port
from tests.unit.config.test_manage import manage
from tests.world import add_session, make_grant, make_person

Run = Callable[..., tuple[int, str]]
NUMBER = "333333333333"


@pytest.fixture
def run(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Run:
    for command in (doctor, check_drift):
        monkeypatch.setattr(command, "aws_ports", aws.ports)

    def call(*arguments: str) -> tuple[int, str]:
        out, code = io.StringIO(), 0
        try:
            call_command(*arguments, stdout=out)
        except SystemExit as left:
            code = int(str(left.code))
        return code, out.getvalue()

    return call


@pytest.fixture
def grant(db: None, aws: FakeAws) -> Grant:
    """A grant to Acme's account, whose role stands in AWS as it should."""
    del db
    made = account_grant(partner_account(make_partner("Acme"), NUMBER))
    AwsAccount.objects.update(provisioner_role_arn="arn:aws:iam::222222222222:role/provisioner")
    row = PartnerRole.objects.select_related("grant__partner_account__partner", "role__account").get(
        grant=made
    )
    spec = spec_of(row, at=database_now())
    aws.partners.roles[spec.place.account_id, spec.name] = aws.partners._standing(
        spec, row.role.unique_id or "AROA1"
    )
    return made


class TestDoctor:
    def test_it_says_what_stopped_it_and_leaves_by_3(self, run: Run, grant: Grant) -> None:
        code, said = run("doctor", grant.role.arn, "--account", "777777777777")
        assert code == 3
        assert said.startswith("The call came from account 777777777777; the role trusts 333333333333")
        assert "STOPPED  account:" in said
        assert "-> Call from 333333333333" in said
        event = AuditEvent.objects.get(type="access.doctor.asked")
        assert (event.actor_label, event.grant_id) == ("manage.py doctor", grant.pk)

    def test_nothing_stops_the_healthy_one(self, run: Run, grant: Grant) -> None:
        code, said = run("doctor", "--grant", str(grant.pk), "--account", NUMBER)
        assert (code, said.splitlines()[0]) == (0, "Nothing here stops it.")

    def test_as_json(self, run: Run, grant: Grant) -> None:
        code, said = run("doctor", grant.role.arn, "--no-external-id", "--json")
        told = json.loads(said)
        assert (code, told["stopped_by"], told["grant"]) == (3, "external_id", str(grant.pk))

    def test_the_error_may_come_from_a_file_or_from_stdin(
        self, run: Run, grant: Grant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = f"aws sts assume-role --role-arn {grant.role.arn}"
        (tmp_path / "error.txt").write_text(text)
        assert "They send no ExternalId" in run("doctor", "--error-file", str(tmp_path / "error.txt"))[1]
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        assert "They send no ExternalId" in run("doctor", "--error", "-")[1]

    def test_without_a_hub_it_says_so(self, grant: Grant, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_hub() -> Any:
            raise NotPossible("the hub has no AWS credentials")

        monkeypatch.setattr(doctor, "aws_ports", no_hub)
        with pytest.raises(CommandError, match="the hub has no AWS credentials"):
            call_command("doctor", grant.role.arn)


class TestSuspending:
    def test_a_dry_run_names_what_would_end_and_ends_nothing(self, run: Run, grant: Grant) -> None:
        acme = Partner.objects.get()
        add_session(make_grant(make_person("Kim Reyes", partner=acme)))
        code, said = run("suspend_partner", "acme", "--dry-run")
        assert code == 0
        assert "Grants that would end: 2" in said
        assert "Kim Reyes" in said
        assert "live sessions: 1" in said
        assert grant.role.arn in said
        assert Grant.objects.filter(ended_at=None).count() == 2
        assert not AuditEvent.objects.exists()

    def test_it_ends_all_and_says_how_much(self, run: Run, grant: Grant) -> None:
        said = run("suspend_partner", "acme", "--reason", "the contract was broken")[1]
        assert "Acme is suspended. Grants ended: 1." in said
        assert "being closed and taken away: 1." in said
        assert not Grant.objects.filter(ended_at=None).exists()
        with pytest.raises(CommandError, match="suspended already"):
            run("suspend_partner", "acme", "--reason", "again")
        assert "is suspended already" in run("suspend_partner", "acme", "--dry-run")[1]
        assert grant.pk


class TestRotating:
    def test_the_new_one_is_shown_and_until_when_the_old_one_counts(self, run: Run, grant: Grant) -> None:
        assert grant.partner_account is not None
        ids = grant.partner_account.external_ids
        said = run("rotate_external_id", "acme", "3333-3333-3333", "--reason", "r", "--overlap-hours", "1")[1]
        current, old = ids.get(accepted_until=None), ids.get(accepted_until__isnull=False)
        assert f"The new ExternalId: {current.value}" in said
        assert "accepted until" in said
        assert old.accepted_until is not None
        assert old.accepted_until - current.made_at == timedelta(hours=1)
        with pytest.raises(CommandError, match="Two ExternalIds are accepted already"):
            run("rotate_external_id", "acme", NUMBER, "--reason", "r")
        assert (
            "accepted until"
            not in run("rotate_external_id", "acme", NUMBER, "--reason", "r", "--overlap-hours", "0")[1]
        )


class TestDrift:
    def test_where_nothing_differs_it_leaves_by_0(self, run: Run, grant: Grant) -> None:
        del grant
        code, said = run("check_drift")
        assert (code, "roles compared: 1, differences: 0" in said) == (0, True)

    def test_what_differs_is_named_and_leaves_by_3(self, run: Run, grant: Grant, aws: FakeAws) -> None:
        aws.partners.roles.clear()
        code, said = run("check_drift", "2222-2222-2222")
        assert code == 3
        assert f"missing (open) {grant.role.name}" in said
        told = json.loads(run("check_drift", "--json")[1])
        assert [each["kind"] for each in told[0]["drifts"]] == ["missing"]

    def test_a_silent_aws_is_no_answer(self, run: Run, grant: Grant, aws: FakeAws) -> None:
        del grant
        aws.fail["read_role"] = UNAVAILABLE
        with pytest.raises(CommandError, match="Not all could be looked at: Data"):
            run("check_drift")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("doctor",), "Give the role's ARN"),
        (("doctor", "--grant", "nonsense"), "'nonsense' is not a grant's id"),
        (("doctor", "--grant", "0d9c7c5e-1d4f-4a39-9d0c-7f6d1b3ab001"), "no such grant"),
        (("doctor", "x", "--at", "yesterday"), "'yesterday' is no time"),
        (("doctor", "x", "--at", "2026-05-06T18:00:00"), "A time needs its zone"),
        (("doctor", "x", "--account", "123"), "has 12 digits"),
        (("doctor", "x", "--duration", "-1"), "Seconds are 0 to"),
        (("doctor", "--error-file", "/nonexistent/error.txt"), "can't be read"),
        (("doctor", "x", "--external-id", "y", "--no-external-id"), "not allowed with"),
        (("suspend_partner", "nobody", "--reason", "r"), "no partner with the short name 'nobody'"),
        (("suspend_partner", "nobody", "--dry-run"), "no partner with the short name 'nobody'"),
        (("rotate_external_id", "nobody", NUMBER, "--reason", "r"), "no partner 'nobody' with an open"),
        (("rotate_external_id", "nobody", NUMBER), "--reason"),
        (("check_drift", "999999999999"), "No account in which roles are made for partners: 999999999999"),
    ],
)
def test_wrong_arguments_end_in_a_sentence(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("suspend_partner", "acme"), "Say why"),
        (("rotate_external_id", "acme", NUMBER, "--reason", " "), "Say why"),
        (("rotate_external_id", "acme", NUMBER, "--reason", "r", "--overlap-hours", "1e300"), "are no hours"),
        (("rotate_external_id", "acme", NUMBER, "--reason", "r", "--overlap-hours", "nan"), "are no hours"),
        (("rotate_external_id", "acme", NUMBER, "--reason", "r", "--overlap-hours", "10000"), "0 to 30 days"),
    ],
)
def test_what_the_operation_refuses_is_said_and_nothing_is_done(
    run: Run, grant: Grant, arguments: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
    assert grant.partner_account is not None
    assert grant.partner_account.external_ids.count() == 1
    assert Partner.objects.get().suspended_at is None


@pytest.mark.thorough
@pytest.mark.parametrize(
    "arguments",
    [
        ("doctor", "arn:aws:iam::222222222222:role/x"),
        ("suspend_partner", "acme", "--reason", "r"),
        ("rotate_external_id", "acme", NUMBER, "--reason", "r"),
        ("check_drift",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_database_that_is_down_ends_in_a_sentence_and_1(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As an installation has it: its own credentials are not what is missing.
    monkeypatch.setenv("SALLYPORT_HUB_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("SALLYPORT_HUB_SECRET_ACCESS_KEY", "none")
    said = manage(f"postgres://portal:hidden-word@127.0.0.1:{free_port()}/portal", *arguments)
    assert said.returncode == 1
    assert "The database can't be used" in said.stderr
    assert "Traceback" not in said.stderr
    assert "hidden-word" not in said.stderr
