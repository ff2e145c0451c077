"""The twin proves by real calls what AWS does with ExternalIds, and its trust is a partner role's but for whom."""

import copy
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ReadTimeoutError

from brokers.aws.partner_names import role_name, twin_name
from brokers.aws.partner_twin import TwinProver
from brokers.aws.policy_form import statements_of
from brokers.errors import AwsUnavailable, LimitExceeded, NotPossible
from brokers.types import AcceptedExternalId, Partition
from tests.integration.brokers.aws.estate import BROKER_USER, BUCKET, HUB, TARGET, allow, policy
from tests.integration.brokers.aws.partner_estate import HIDDEN_FOR, HOUR, PLACE, Partners, role_spec
from tests.servers.aws_outcome import DENIED, outcome


@pytest.fixture
def prover(partners: Partners) -> TwinProver:
    return TwinProver(partners.brokers.hub, partners.access, patience=HIDDEN_FOR)


def in_(seconds: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)


def test_with_the_external_id_it_is_let_in_and_without_or_with_anothers_not(
    prover: TwinProver, partners: Partners
) -> None:
    mine, name = str(uuid4()), twin_name(uuid4())
    assert not prover.assume_twin(PLACE, name, mine)
    prover.make_twin(PLACE, name, [AcceptedExternalId(mine)], ends_at=in_(600))
    assert prover.assume_twin(PLACE, name, mine)
    assert not prover.assume_twin(PLACE, name, None)
    assert not prover.assume_twin(PLACE, name, str(uuid4()))
    assert prover.assume_twin(PLACE, name, mine)
    for _ in range(2):
        prover.remove_twin(PLACE, name)
        assert partners.roles.read(PLACE, name) is None
    assert not prover.assume_twin(PLACE, name, mine)


@pytest.mark.thorough
def test_in_a_rotation_the_old_one_counts_until_its_time_is_over(prover: TwinProver) -> None:
    old, new, name = str(uuid4()), str(uuid4()), twin_name(uuid4())
    prover.make_twin(PLACE, name, [AcceptedExternalId(old)], ends_at=in_(600))
    until = in_(3)
    prover.make_twin(PLACE, name, [AcceptedExternalId(new), AcceptedExternalId(old, until)], ends_at=in_(600))
    assert [prover.assume_twin(PLACE, name, each) for each in (old, new)] == [True, True]
    time.sleep(max((until - datetime.now(UTC)).total_seconds(), 0) + 0.05)
    assert [prover.assume_twin(PLACE, name, each) for each in (old, new)] == [False, True]
    prover.remove_twin(PLACE, name)


def test_a_partners_roles_trust_differs_in_nothing_but_the_principal(
    prover: TwinProver, partners: Partners
) -> None:
    """Both read back from IAM, made at the same moment with the same ExternalIds and end."""
    now = datetime.now(UTC).replace(microsecond=0)
    name, ids = (
        twin_name(uuid4()),
        (AcceptedExternalId(str(uuid4())), AcceptedExternalId(str(uuid4()), in_(300))),
    )
    frozen = TwinProver(partners.brokers.hub, partners.access, patience=HIDDEN_FOR, now=lambda: now)
    frozen.make_twin(PLACE, name, ids, ends_at=now + HOUR)
    spec = role_spec(external_ids=ids, starts_at=now - timedelta(minutes=1), ends_at=now + HOUR)
    partners.roles.make(spec)
    twin, real = (
        copy.deepcopy(partners.owner.get_role(RoleName=each)["Role"]["AssumeRolePolicyDocument"])
        for each in (name, spec.name)
    )
    principals = {each["Principal"]["AWS"] for each in twin["Statement"]}
    assert principals == {f"arn:aws:iam::{HUB}:user/{BROKER_USER}"}
    assert twin != real
    for statement in twin["Statement"]:
        statement["Principal"]["AWS"] = spec.principal_arn
    assert twin == real
    assert statements_of(twin, Partition.AWS) == statements_of(real, Partition.AWS)
    prover.remove_twin(PLACE, name)


def test_it_may_do_nothing_even_where_somebody_gave_it_rights(
    prover: TwinProver, partners: Partners, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, name = str(uuid4()), twin_name(uuid4())
    ids = [AcceptedExternalId(mine)]
    prover.make_twin(PLACE, name, ids, ends_at=in_(600))
    found = partners.roles.read(PLACE, name)
    assert found is not None
    assert (found.inline, found.attached, found.path) == ({}, (), "/sallyport/partners/")
    assert found.boundary_arn is not None
    partners.owner.put_role_policy(RoleName=name, PolicyName="May", PolicyDocument=policy(allow("*")))
    answers: list[Any] = []
    sts = partners.brokers.hub.sts()
    assume = sts.assume_role
    monkeypatch.setattr(sts, "assume_role", lambda **asked: answers.append(assume(**asked)))
    assert prover.assume_twin(PLACE, name, mine)
    keys = answers[0]["Credentials"]
    s3 = partners.aws.client("s3", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert outcome(lambda: s3.get_object(Bucket=BUCKET, Key="plan.txt")) == DENIED
    prover.make_twin(PLACE, name, ids, ends_at=in_(600))
    again = partners.roles.read(PLACE, name)
    assert again is not None
    assert again.inline == {}
    prover.remove_twin(PLACE, name)


def test_only_twins_are_touched(prover: TwinProver, partners: Partners) -> None:
    spec, _ = partners.made()
    for call in (
        lambda: prover.make_twin(PLACE, spec.name, [AcceptedExternalId("abc")], ends_at=in_(60)),
        lambda: prover.assume_twin(PLACE, spec.name, "abc"),
        lambda: prover.remove_twin(PLACE, spec.name),
        lambda: prover.remove_twin(PLACE, "Developer"),
        lambda: prover.assume_twin(PLACE, twin_name(uuid4()), "a b"),
    ):
        with pytest.raises(LimitExceeded):
            call()
    assert partners.roles.read(PLACE, spec.name) is not None
    name = twin_name(uuid4())
    theirs = policy({"Effect": "Allow", "Principal": {"AWS": TARGET}, "Action": "sts:AssumeRole"})
    partners.owner.create_role(RoleName=name, AssumeRolePolicyDocument=theirs)
    with pytest.raises(NotPossible):
        prover.remove_twin(PLACE, name)
    assert role_name(uuid4()) != name


def test_what_is_no_refusal_of_the_role_is_no_proof(
    prover: TwinProver, partners: Partners, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(**asked: Any) -> Any:
        raise ReadTimeoutError(endpoint_url=asked["RoleArn"])

    monkeypatch.setattr(partners.brokers.hub.sts(), "assume_role", silent)
    with pytest.raises(AwsUnavailable):
        prover.assume_twin(PLACE, twin_name(uuid4()), None)
