"""Probes with real sessions: allowed, denied by us, and merely not allowed are told apart by MiniStack's answers."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from brokers.aws import AwsBrokers
from brokers.aws.session_names import CANARY
from brokers.errors import AwsAccessDenied
from brokers.types import Partition, PrincipalKind, ProbeAction, ProbeAnswer, ProbeCall
from tests.integration.brokers.aws.estate import BROKER_USER, HUB, ROLE_ARN, Estate, role_target, user_target

ROLE_PROBE = ProbeCall(Partition.AWS, PrincipalKind.ROLE, ROLE_ARN, CANARY, ProbeAction.LIST_BUCKETS)
USER_ARN = f"arn:aws:iam::{HUB}:user/{BROKER_USER}"
USER_PROBE = ProbeCall(Partition.AWS, PrincipalKind.USER, USER_ARN, CANARY, ProbeAction.LIST_BUCKETS)


@pytest.fixture(autouse=True)
def _nothing_revoked(brokers: AwsBrokers) -> Iterator[None]:
    yield
    brokers.deny.write(role_target(), [])
    brokers.deny.write(user_target(), [])


def test_a_role_revoked_and_its_neighbour(estate: Estate) -> None:
    probe = estate.brokers.prober.probe
    revoked = estate.role_session()
    its = replace(ROLE_PROBE, session_name=revoked.arn.rpartition("/")[2])
    assert probe(its) is ProbeAnswer.ALLOWED
    estate.brokers.deny.write(role_target(), [revoked.userid])
    assert probe(its) is ProbeAnswer.EXPLICIT_DENY
    assert probe(ROLE_PROBE) is ProbeAnswer.ALLOWED


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        (ProbeAction.LIST_BUCKETS, ProbeAnswer.ALLOWED),
        (ProbeAction.LIST_ALIASES, ProbeAnswer.ALLOWED),
        # The role of the tests may not: that is no deny of ours.
        (ProbeAction.ACCESS_KEY_INFO, ProbeAnswer.NOT_ALLOWED),
    ],
)
def test_each_action_allowed_or_not(estate: Estate, action: ProbeAction, answer: ProbeAnswer) -> None:
    probe = estate.brokers.prober.probe
    assert probe(replace(ROLE_PROBE, action=action)) is answer
    # A deny is explicit, whether the role allows the call or not.
    revoked = estate.role_session()
    estate.brokers.deny.write(role_target(), [revoked.userid])
    its = replace(ROLE_PROBE, action=action, session_name=revoked.arn.rpartition("/")[2])
    assert probe(its) is ProbeAnswer.EXPLICIT_DENY


def test_a_federated_session_revoked_and_its_neighbour(estate: Estate) -> None:
    probe = estate.brokers.prober.probe
    revoked = estate.federated_session()
    its = replace(USER_PROBE, session_name=revoked.arn.rpartition("/")[2])
    assert probe(its) is ProbeAnswer.ALLOWED
    estate.brokers.deny.write(user_target(), [revoked.userid])
    assert probe(its) is ProbeAnswer.EXPLICIT_DENY
    assert probe(USER_PROBE) is ProbeAnswer.ALLOWED


def test_no_session_is_no_answer(estate: Estate) -> None:
    with pytest.raises(AwsAccessDenied):
        estate.brokers.prober.probe(
            replace(ROLE_PROBE, principal_arn=ROLE_ARN.replace("Developer", "Nobody"))
        )
