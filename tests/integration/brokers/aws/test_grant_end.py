"""The grant's end is enforced by AWS itself: the session policy at work, nothing of the portal running."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from brokers.aws.partitions import parse_role_arn
from brokers.aws.session_policy import role_session_policy
from brokers.types import Credentials, Scope
from tests.integration.brokers.aws.estate import (
    BUCKET,
    HUB_BUCKET,
    OTHER_BUCKET,
    ROLE_ARN,
    TARGET,
    Estate,
    allow,
    assert_denied,
    is_denied,
    policy,
)
from tests.servers.aws_outcome import assert_ends_on_the_second, watch
from tests.servers.ministack import MiniStack


def wait_for(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


def taken(answer: Any) -> Credentials:
    found = answer["Credentials"]
    return Credentials(
        found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"]
    )


def without_clause(estate: Estate, name: str) -> Credentials:
    """The twin: the same role, the same duration, a session policy that doesn't know the grant's end."""
    return taken(
        estate.brokers.hub.sts().assume_role(
            RoleArn=ROLE_ARN, RoleSessionName=name, DurationSeconds=900, Policy=policy(allow("*"))
        )
    )


def test_access_ends_at_the_grants_end_to_the_second_while_the_expiration_is_ahead(estate: Estate) -> None:
    # Half a second past: the policy rounds down, so access never outlives the grant.
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    session = estate.role_session(ends_at=end + timedelta(milliseconds=500))
    federated = estate.federated_session(ends_at=end)
    neighbour = estate.role_session()
    twin = without_clause(estate, "twin-without-clause")
    assert not is_denied(estate.get(federated, HUB_BUCKET))
    reads = {
        "session": estate.get(session),
        "federated": estate.get(federated, HUB_BUCKET),
        "neighbour": estate.get(neighbour),
        "twin": estate.get(twin),
    }
    answers = watch(reads["session"], end=end.timestamp())
    assert_ends_on_the_second(answers, end.timestamp())
    assert {who: is_denied(read) for who, read in reads.items()} == {
        "session": True,
        "federated": True,
        "neighbour": False,
        "twin": False,
    }
    assert session.credentials.expires_at > datetime.now(UTC) + timedelta(minutes=10)
    assert federated.credentials.expires_at > datetime.now(UTC) + timedelta(minutes=10)


def test_a_bucket_policy_that_names_the_session_does_not_let_it_live_on(
    estate: Estate, aws: MiniStack
) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    session = estate.role_session(ends_at=end)
    conditional = json.loads(policy(allow("*")))
    conditional["Statement"][0]["Condition"] = {
        "DateLessThan": {"aws:CurrentTime": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
    }
    # What a condition on the Allow alone would do: the same end, no explicit deny.
    leak = estate.brokers.hub.sts().assume_role(
        RoleArn=ROLE_ARN, RoleSessionName="leaky", DurationSeconds=900, Policy=json.dumps(conditional)
    )
    leaky = taken(leak)
    s3 = aws.root("s3", TARGET)
    names = [session.arn, leak["AssumedRoleUser"]["Arn"]]
    opened = {**allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"), "Principal": {"AWS": names}}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(opened))
    try:
        assert not is_denied(estate.get(session))
        wait_for(end)
        assert_denied(estate.get(session))
        # The bucket policy is really at work: it carries the session that has only the conditional Allow.
        assert not is_denied(estate.get(leaky))
    finally:
        s3.delete_bucket_policy(Bucket=BUCKET)


def test_managed_session_policies_do_not_outlive_the_end_either(estate: Estate, aws: MiniStack) -> None:
    arn = aws.root("iam", TARGET).create_policy(
        PolicyName="ReadProject", PolicyDocument=policy(allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"))
    )["Policy"]["Arn"]
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    scope = Scope(managed_policy_arns=(arn,))
    session = estate.role_session(scope=scope, ends_at=end)
    later = estate.role_session(scope=scope)
    assert not is_denied(estate.get(session))
    assert_denied(estate.get(session, OTHER_BUCKET))
    wait_for(end)
    assert_denied(estate.get(session))
    assert not is_denied(estate.get(later))


def test_the_policy_that_is_sent_is_the_one_that_was_seen_to_work() -> None:
    end = datetime(2031, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)
    sent = json.loads(role_session_policy(Scope(), ends_at=end, role=parse_role_arn(ROLE_ARN)))
    assert sent["Statement"][1]["Condition"] == {
        "DateGreaterThanEquals": {"aws:CurrentTime": "2031-01-02T03:04:05Z"}
    }
