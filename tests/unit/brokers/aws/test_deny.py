"""The deny writer: room is reckoned before the call, other policies are left alone, absence is told apart."""

import json
from typing import Any, cast
from urllib.parse import quote

import pytest

from brokers.aws.account_access import AccountAccess
from brokers.aws.deny import POLICY_NAME, IamDenyWriter
from brokers.aws.revocation import deny_document
from brokers.errors import AwsRefused, AwsUnavailable, LimitExceeded, NotPossible
from brokers.types import DenyTarget, Partition, PrincipalKind
from tests.unit.brokers.aws.fake_iam import FakeIam, client_error
from tests.unit.brokers.aws.fakes import NobodyMayCall

DOCUMENT = deny_document(["AROA1234567890ABCDEF:sp-abc"])
SIZE = len(json.dumps(DOCUMENT, separators=(",", ":")))
KINDS = [(PrincipalKind.ROLE, "Role", 10_240), (PrincipalKind.USER, "User", 2_048)]


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
def test_write_read_remove(kind: PrincipalKind, noun: str, limit: int) -> None:
    iam = FakeIam(noun, {"Other": padded(100)})
    deny = writer(iam)
    assert deny.read(target(kind)) is None
    deny.write(target(kind), DOCUMENT)
    assert deny.read(target(kind)) == DOCUMENT
    deny.remove(target(kind))
    deny.remove(target(kind))
    assert sorted(iam.policies) == ["Other"]
    assert deny.unique_id(target(kind)) == "AROAEXAMPLE"


@pytest.mark.parametrize(("kind", "noun", "limit"), KINDS)
def test_the_room_left_by_all_other_policies_is_the_limit(kind: PrincipalKind, noun: str, limit: int) -> None:
    free = limit - SIZE
    others = {"A": padded(100), "B": padded(100), "C": padded(free - 200), POLICY_NAME: padded(500)}
    fits = FakeIam(noun, dict(others))
    writer(fits).write(target(kind), DOCUMENT)
    assert fits.policies[POLICY_NAME] == DOCUMENT

    full = FakeIam(noun, {**others, "C": padded(free - 199)})
    with pytest.raises(LimitExceeded) as caught:
        writer(full).write(target(kind), DOCUMENT)
    assert (caught.value.field, caught.value.value, caught.value.limit) == (
        f"Inline policies of {kind} Developer",
        f"{limit + 1:,} characters",
        f"at most {limit:,} characters",
    )
    assert not [call for call in full.calls if call.startswith("put")]


def test_a_document_that_can_never_fit_is_refused_without_any_call() -> None:
    many = deny_document([f"AROA1234567890ABCDEF:sp-{n:060}" for n in range(200)])
    with pytest.raises(LimitExceeded, match="allowed is at most 10,240 characters"):
        writer(NobodyMayCall()).write(target(), many)


def test_white_space_and_escapes_are_counted_as_iam_does() -> None:
    spaced = {"x": " " * 20_000 + "é" * 100}
    iam = FakeIam("Role", {"Other": spaced})
    writer(iam).write(target(), DOCUMENT)
    assert iam.policies[POLICY_NAME] == DOCUMENT


def test_a_policy_that_vanishes_meanwhile_counts_nothing() -> None:
    iam = FakeIam("Role", {"Other": padded(10_240)})
    iam.vanishing = {"Other"}
    writer(iam).write(target(), DOCUMENT)
    assert iam.policies[POLICY_NAME] == DOCUMENT


def test_aws_own_word_on_the_room_is_the_same_error() -> None:
    iam = FakeIam("Role")
    iam.refuse_put = "LimitExceeded"
    with pytest.raises(LimitExceeded) as caught:
        writer(iam).write(target(), DOCUMENT)
    assert (caught.value.field, caught.value.limit) == ("Inline policies of role Developer", "why")
    iam.refuse_put = "UnmodifiableEntity"
    with pytest.raises(AwsRefused, match="UnmodifiableEntity"):
        writer(iam).write(target(), DOCUMENT)


def test_a_principal_that_is_gone_is_not_one_without_a_document() -> None:
    deny = writer(FakeIam("Role", gone=True))
    for call in (deny.read, deny.remove, deny.unique_id):
        with pytest.raises(AwsRefused) as caught:
            call(target())
        assert caught.value.aws_code == "NoSuchEntity"


@pytest.mark.parametrize("name", ["AWSReservedSSO_Admin_0123456789abcdef", "AWSServiceRoleForSupport"])
def test_roles_that_aws_keeps_have_no_kill_switch(name: str) -> None:
    deny = writer(NobodyMayCall())
    with pytest.raises(NotPossible, match="no kill switch"):
        deny.write(target(name=name), DOCUMENT)
    with pytest.raises(NotPossible, match="no kill switch"):
        deny.remove(target(name=name))


@pytest.mark.parametrize("kind", list(PrincipalKind))
@pytest.mark.parametrize("name", ["", "a/b", "*", "a" * 65])
def test_names_are_checked_before_any_call(kind: PrincipalKind, name: str) -> None:
    with pytest.raises(LimitExceeded, match="Name is"):
        writer(NobodyMayCall()).read(target(kind, name))


def test_an_allow_is_never_written() -> None:
    with pytest.raises(NotPossible, match="Deny statements only"):
        writer(NobodyMayCall()).write(target(), {"Statement": [{"Effect": "Allow"}]})


@pytest.mark.parametrize("stored", [json.dumps(DOCUMENT), quote(json.dumps(DOCUMENT)), DOCUMENT])
def test_a_document_is_read_however_it_was_sent(stored: object) -> None:
    assert writer(FakeIam("Role", {POLICY_NAME: stored})).read(target()) == DOCUMENT


@pytest.mark.parametrize("stored", ["{", "[]", "%7B", None, 7])
def test_a_document_that_cannot_be_read_is_no_answer(stored: object) -> None:
    with pytest.raises(AwsUnavailable, match="no policy document"):
        writer(FakeIam("Role", {POLICY_NAME: stored})).read(target())


def test_another_refusal_is_passed_on() -> None:
    iam = FakeIam("Role", {POLICY_NAME: DOCUMENT})
    denied = client_error("AccessDenied", 403)

    def refuse(**_: Any) -> Any:
        raise denied

    for name in ("_get", "_delete"):
        setattr(iam, name, refuse)
    deny = writer(iam)
    for call in (deny.read, deny.remove):
        with pytest.raises(AwsRefused, match="AccessDenied"):
            call(target())
