"""Wildcards as people with bad intentions write them: as quick as others, and they mean what they always meant."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.aws.analyst import Analyst
from brokers.aws.role_differences import differences
from brokers.aws.wild_text import pattern_of
from brokers.types import DriftKind, Partition
from tests.unit.brokers.aws.partner_specs import standing
from tests.unit.brokers.aws.test_role_differences import NOW, WANTED, found_with

QUICK = 2.0
SLOW_ONCE = "*?" * 20 + "Z1"


@given(st.text("ab*?", max_size=8), st.text("ab*", max_size=10))
def test_they_mean_what_they_mean(pattern: str, text: str) -> None:
    naive = "".join({"*": ".*", "?": "."}.get(each) or re.escape(each) for each in pattern)
    assert bool(re.fullmatch(pattern_of(pattern), text)) == bool(re.fullmatch(naive, text))
    # A `?` that stands for no star.
    naive = "".join({"*": ".*", "?": "[^*]"}.get(each) or re.escape(each) for each in pattern)
    assert bool(re.fullmatch(pattern_of(pattern, one="[^*]"), text)) == bool(re.fullmatch(naive, text))


@pytest.mark.parametrize("action", [f"s3:{SLOW_ONCE}", f"s3:Get{'*e' * 25}Z"])
def test_a_scope_of_many_stars_is_read_at_once(action: str) -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}],
    }
    began = time.process_time()
    found = Analyst().lint(document, partition=Partition.AWS, account_id="222222222222")
    Analyst().access(document)
    assert time.process_time() - began < QUICK
    assert found, "it is no action that there is"


def test_a_role_that_was_planted_with_many_stars_is_judged_at_once() -> None:
    """One process looks at all accounts: who may write in one must not stop the look at the others."""
    began = time.process_time()
    deny: dict[str, object] = {
        "Sid": "SallyportChain",
        "Effect": "Deny",
        "Action": f"sts:{SLOW_ONCE}",
        "Resource": "*",
    }

    def weaken(policy: dict[str, list[dict[str, object]]]) -> None:
        policy["Statement"] = [
            deny if each["Sid"] == "SallyportChain" else {**each, "Resource": [f"arn:{SLOW_ONCE}"]}
            for each in policy["Statement"]
        ]

    found = found_with(scope=weaken)
    assert time.process_time() - began < QUICK
    assert [(each.part, each.kind) for each in found] == [("permissions", DriftKind.WIDENED)]


def test_a_deny_that_is_met_by_no_time_is_a_wider_role() -> None:
    def never(policy: dict[str, list[dict[str, object]]]) -> None:
        for each in policy["Statement"]:
            if each["Sid"] == "SallyportEnd":
                each["Condition"] = {"DateGreaterThanEquals": {"aws:CurrentTime": []}}

    found = found_with(scope=never)
    assert [(each.part, each.kind) for each in found] == [("permissions", DriftKind.WIDENED)]
    assert differences(WANTED, standing(WANTED), now=NOW) == []


@pytest.mark.parametrize(
    "text",
    ["A" * 20_000, "Error Code: " + "a" * 19_000, "operation (" * 1_800, "\n" * 20_000, " \n" * 9_000 + "x"],
)
def test_an_error_that_says_nothing_is_read_at_once(text: str) -> None:
    began = time.process_time()
    Analyst().read_error(text)
    assert time.process_time() - began < QUICK / 4


def test_what_is_far_too_large_is_told_so_and_not_read() -> None:
    many = [
        {"Sid": f"a{number}", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
        for number in range(20_000)
    ]
    began = time.process_time()
    found = Analyst().lint(
        {"Version": "2012-10-17", "Statement": many}, partition=Partition.AWS, account_id="222222222222"
    )
    assert [each.code for each in found] == ["too-large"]
    assert Analyst().access({"Version": "2012-10-17", "Statement": many}) == []
    assert time.process_time() - began < QUICK / 2


@pytest.mark.parametrize("condition", [[1], {"StringEquals": 7}, "text"])
def test_what_is_no_policy_lets_nobody_do_anything(condition: object) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    assert [each.service for each in Analyst().access(document)] == ["s3"]
    broken = {**document, "Statement": [{**statement, "Condition": condition}]}
    assert Analyst().access(broken) == []
