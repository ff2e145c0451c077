"""The deny writer: room is reckoned before the call, other policies are left alone, absence is told apart."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

import pytest

from brokers.aws.account_access import AccountAccess
from brokers.aws.deny import IamDenyWriter
from brokers.aws.deny_write import POLICY_NAME
from brokers.aws.revocation import deny_document
from brokers.errors import AwsRefused, AwsUnavailable, LimitExceeded, NotPossible
from brokers.types import DenyPolicySize, DenyTarget, Partition, PrincipalKind, StandingDeny
from tests.unit.brokers.aws.fake_iam import FakeIam
from tests.unit.brokers.aws.fakes import NobodyMayCall

ENTRY = "AROA1234567890ABCDEF:sp-abc"
DOCUMENT = deny_document([ENTRY])
SIZE = len(json.dumps(DOCUMENT, separators=(",", ":")))
KINDS = [(PrincipalKind.ROLE, "Role", 10_240), (PrincipalKind.USER, "User", 2_048)]
CUT = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeAccess:
    def __init__(self, client: Any) -> None:
        self.client = client

    def iam(self, _: DenyTarget) -> Any:
        return self.client


def writer(client: Any) -> IamDenyWriter:
    return IamDenyWriter(cast("AccountAccess", FakeAccess(client)))


def target(kind: PrincipalKind = PrincipalKind.ROLE, name: str = "Developer") -> DenyTarget:
    return DenyTarget(Partition.AWS, "222222222222", kind, name)


def padded(size: int) -> dict[str, str]:
    return {"x": "y" * (size - len('{"x":""}'))}


@pytest.mark.parametrize(("kind", "noun", "limit"), KINDS)
def test_write_read_and_leave_nothing(kind: PrincipalKind, noun: str, limit: int) -> None:
    iam = FakeIam(noun, {"Other": padded(100)})
    deny = writer(iam)
    assert deny.read(target(kind)) == StandingDeny()
    deny.write(target(kind), [ENTRY])
    size = DenyPolicySize(POLICY_NAME, SIZE, 1)
    assert deny.read(target(kind)) == StandingDeny(frozenset({ENTRY}), None, (size,))
    deny.write(target(kind), [])
    deny.write(target(kind), [])
    assert iam.policies == {"Other": padded(100)}
    assert deny.unique_id(target(kind)) == "AROAEXAMPLE"


def test_how_many_calls_it_takes() -> None:
    iam = FakeIam("Role", {"Other": padded(100)})
    deny = writer(iam)
    deny.write(target(), [ENTRY])
    assert iam.calls == [
        "list_attached_role_policies",
        "list_role_policies",
        "get_role_policy",
        "put_role_policy",
    ]
    iam.calls.clear()
    deny.read(target())
    assert iam.calls == ["list_attached_role_policies", "get_role_policy"]
    iam.calls.clear()
    deny.write(target(), [])
    assert iam.calls == ["list_policies", "delete_role_policy"]


def test_a_cut_of_everybody_stands_beside_the_entries_or_alone() -> None:
    iam = FakeIam("Role")
    deny = writer(iam)
    deny.write(target(), [ENTRY], issued_before=CUT - timedelta(microseconds=1))
    assert iam.policies[POLICY_NAME] == deny_document([ENTRY], CUT)
    found = deny.read(target())
    assert found == StandingDeny(frozenset({ENTRY}), CUT, found.policies)
    deny.write(target(), [], issued_before=CUT)
    assert deny.read(target()).issued_before == CUT
    deny.write(target(), [ENTRY])
    assert deny.read(target()).issued_before is None


@pytest.mark.parametrize(("kind", "noun", "limit"), KINDS)
def test_the_room_left_by_all_other_inline_policies_is_the_limit(
    kind: PrincipalKind, noun: str, limit: int
) -> None:
    free = limit - SIZE
    others = {"A": padded(100), "B": padded(100), "C": padded(free - 200), POLICY_NAME: padded(500)}
    fits = FakeIam(noun, dict(others))
    writer(fits).write(target(kind), [ENTRY])
    assert fits.policies[POLICY_NAME] == DOCUMENT
    assert not fits.managed

    full = FakeIam(noun, {**others, "C": padded(free - 199)})
    writer(full).write(target(kind), [ENTRY])
    assert POLICY_NAME not in full.policies
    assert full.denied() == {ENTRY}
    assert len(full.attached) == 1


def test_white_space_and_escapes_are_counted_as_iam_does() -> None:
    spaced = {"x": " " * 20_000 + "é" * 100}
    iam = FakeIam("Role", {"Other": spaced})
    writer(iam).write(target(), [ENTRY])
    assert iam.policies[POLICY_NAME] == DOCUMENT


def test_a_policy_that_vanishes_meanwhile_counts_nothing() -> None:
    iam = FakeIam("Role", {"Other": padded(10_240)})
    iam.vanishing = {"Other"}
    writer(iam).write(target(), [ENTRY])
    assert iam.policies[POLICY_NAME] == DOCUMENT


def test_another_refusal_of_the_put_is_passed_on() -> None:
    iam = FakeIam("Role", refuse={"put_role_policy": "UnmodifiableEntity"})
    with pytest.raises(AwsRefused, match="UnmodifiableEntity"):
        writer(iam).write(target(), [ENTRY])


@pytest.mark.parametrize("entries", [[], [ENTRY]])
def test_a_principal_that_is_gone_is_not_one_without_a_document(entries: list[str]) -> None:
    deny = writer(FakeIam("Role", gone=True))
    for call in (deny.read, deny.unique_id, lambda it: deny.write(it, entries)):
        with pytest.raises(AwsRefused) as caught:
            call(target())
        assert caught.value.aws_code == "NoSuchEntity"


@pytest.mark.parametrize("name", ["AWSReservedSSO_Admin_0123456789abcdef", "AWSServiceRoleForSupport"])
def test_roles_that_aws_keeps_have_no_kill_switch(name: str) -> None:
    deny = writer(NobodyMayCall())
    for entries in ([ENTRY], []):
        with pytest.raises(NotPossible, match="no kill switch"):
            deny.write(target(name=name), entries)


@pytest.mark.parametrize("kind", list(PrincipalKind))
@pytest.mark.parametrize("name", ["", "a/b", "*", "a" * 65])
def test_names_are_checked_before_any_call(kind: PrincipalKind, name: str) -> None:
    with pytest.raises(LimitExceeded, match="Name is"):
        writer(NobodyMayCall()).read(target(kind, name))


def test_entries_are_checked_before_any_call() -> None:
    with pytest.raises(LimitExceeded, match="aws:userid is"):
        writer(NobodyMayCall()).write(target(), [ENTRY, "*"])


@pytest.mark.parametrize("stored", [json.dumps(DOCUMENT), quote(json.dumps(DOCUMENT)), DOCUMENT])
def test_a_document_is_read_however_it_was_sent(stored: object) -> None:
    assert writer(FakeIam("Role", {POLICY_NAME: stored})).read(target()).entries == {ENTRY}


@pytest.mark.parametrize("stored", ["{", "[]", "%7B", None, 7])
def test_a_document_that_cannot_be_read_is_no_answer(stored: object) -> None:
    with pytest.raises(AwsUnavailable, match="no policy document"):
        writer(FakeIam("Role", {POLICY_NAME: stored})).read(target())


def test_a_document_changed_by_hand_denies_nobody_and_is_not_intact() -> None:
    changed = {**DOCUMENT, "Statement": [{**DOCUMENT["Statement"][0], "Action": "s3:*"}]}
    iam = FakeIam("Role", {POLICY_NAME: changed})
    size = len(json.dumps(changed, separators=(",", ":")))
    deny = writer(iam)
    assert deny.read(target()) == StandingDeny(policies=(DenyPolicySize(POLICY_NAME, size, 0),), intact=False)
    deny.write(target(), [ENTRY])
    assert deny.read(target()).intact


@pytest.mark.parametrize("read", ["get_role_policy", "list_attached_role_policies"])
def test_another_refusal_is_passed_on(read: str) -> None:
    refuse = {read: "AccessDenied", "delete_role_policy": "AccessDenied"}
    deny = writer(FakeIam("Role", {POLICY_NAME: DOCUMENT}, refuse=refuse))
    with pytest.raises(AwsRefused, match="AccessDenied"):
        deny.write(target(), [])
    with pytest.raises(AwsRefused, match="AccessDenied"):
        deny.read(target())
