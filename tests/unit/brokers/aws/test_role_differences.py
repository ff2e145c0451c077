"""What counts as a difference between a role and what it should be, and which differences may allow more."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from brokers.aws.partner_names import SCOPE_POLICY
from brokers.aws.role_differences import differences
from brokers.types import AcceptedExternalId, DriftKind, RoleDifference, StandingRole
from tests.unit.brokers.aws.partner_specs import CURRENT, END, OLD, ROOT, START, THEIRS, spec, standing

NOW = START + timedelta(days=1)
ROLE_OF_THEIRS = f"arn:aws:iam::{THEIRS}:role/ci"
WANTED = spec(
    tags={"SallyportPartner": "acme", "Why": "joint"}, managed_policy_arns=("arn:aws:iam::aws:policy/A",)
)
Change = Callable[[dict[str, Any]], object]


def found_with(
    *, trust: Change = lambda _: None, scope: Change = lambda _: None, **changes: Any
) -> list[RoleDifference]:
    role = standing(WANTED, **changes)
    documents: Any = copy.deepcopy((role.trust, role.inline))
    trust(documents[0])
    scope(documents[1][SCOPE_POLICY])
    return differences(WANTED, replace(role, trust=documents[0], inline=documents[1]), now=NOW)


def condition(policy: dict[str, Any]) -> Any:
    return policy["Statement"][0]["Condition"]


def add(statement: dict[str, Any]) -> Change:
    return lambda policy: policy["Statement"].append(statement)


def drop(sid: str) -> Change:
    def change(policy: dict[str, Any]) -> None:
        policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != sid]

    return change


def put(element: str, value: Any, statement: int = 0) -> Change:
    return lambda policy: policy["Statement"][statement].update({element: value})


def end_at(time: str) -> Change:
    return lambda policy: condition(policy).update({"DateLessThan": {"aws:CurrentTime": time}})


def reshaped(policy: dict[str, Any]) -> None:
    """Say the same in other words."""
    statements = policy["Statement"]
    statements.reverse()
    for each in statements:
        each.pop("Sid")
        each["Action"] = [each["Action"]] if isinstance(each["Action"], str) else each["Action"][::-1]
        each["Action"] = [action.upper() for action in each["Action"]]
        if isinstance(each.get("Resource"), list):
            each["Resource"] = each["Resource"][::-1]
        if "Principal" in each:
            each["Principal"] = {"AWS": [THEIRS]}
        each["Condition"] = {
            operator: {key.swapcase(): [value] for key, value in tests.items()}
            for operator, tests in each.get("Condition", {}).items()
        }
    if len(statements) == 1:
        policy["Statement"] = statements[0]


def test_a_role_as_it_should_be_has_no_difference() -> None:
    assert found_with() == []


def test_the_same_in_other_words_is_the_same() -> None:
    assert found_with(trust=reshaped, scope=reshaped) == []


def test_what_aws_adds_of_its_own_is_none() -> None:
    tags = {**standing(WANTED).tags, "aws:cloudformation:stack-name": "x"}
    assert found_with(tags=tags) == []


WIDER: dict[str, tuple[str, Change]] = {
    "another principal": ("trust", put("Principal", {"AWS": f"arn:aws:iam::{'4' * 12}:root"})),
    "one principal more": ("trust", put("Principal", {"AWS": [ROOT, f"arn:aws:iam::{'4' * 12}:root"]})),
    "everybody": ("trust", put("Principal", "*")),
    "everybody but": (
        "trust",
        lambda policy: policy["Statement"][0].update(NotPrincipal=policy["Statement"][0].pop("Principal")),
    ),
    "no ExternalId": ("trust", lambda policy: condition(policy).pop("StringEquals")),
    "another ExternalId": (
        "trust",
        lambda policy: condition(policy)["StringEquals"].update({"sts:ExternalId": OLD}),
    ),
    "a further ExternalId": (
        "trust",
        lambda policy: condition(policy)["StringEquals"].update({"sts:ExternalId": [CURRENT, OLD]}),
    ),
    "ExternalId only if it is sent": (
        "trust",
        lambda policy: condition(policy).update(StringEqualsIfExists=condition(policy).pop("StringEquals")),
    ),
    "no end": ("trust", lambda policy: condition(policy).pop("DateLessThan")),
    "a later end": ("trust", end_at("2031-05-20T07:00:01Z")),
    "an end in another form": ("trust", end_at("2031-05-20")),
    "an earlier start": (
        "trust",
        lambda policy: condition(policy)["DateGreaterThanEquals"].update(
            {"aws:CurrentTime": "2031-05-06T06:59:59Z"}
        ),
    ),
    "further actions": ("trust", put("Action", ["sts:AssumeRole", "sts:TagSession"])),
    "a further statement": (
        "trust",
        add({"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}),
    ),
    "no deny at the end": ("permissions", drop("SallyportEnd")),
    "no deny before the start": ("permissions", drop("SallyportStart")),
    "no deny of chaining": ("permissions", drop("SallyportChain")),
    "no deny of its own": ("permissions", drop("SallyportOwn")),
    "a weaker deny": ("permissions", put("Action", "s3:*", 2)),
    "a deny of less": ("permissions", put("Resource", ["arn:aws:iam::222222222222:role/sallyport/*"], 4)),
    "a later deny": (
        "permissions",
        put("Condition", {"DateGreaterThanEquals": {"aws:CurrentTime": "2031-06-01T00:00:00Z"}}, 2),
    ),
    "a deny on a condition": ("permissions", put("Condition", {"Bool": {"aws:SecureTransport": "false"}}, 3)),
    "all actions": ("permissions", put("Action", "s3:*")),
    "one action more": ("permissions", put("Action", ["s3:GetObject", "s3:ListBucket", "s3:PutObject"])),
    "all but": ("permissions", lambda p: p["Statement"][0].update(NotAction=p["Statement"][0].pop("Action"))),
    "another bucket": ("permissions", put("Resource", ["arn:aws:s3:::joint", "arn:aws:s3:::payroll/*"])),
    "everything": ("permissions", add({"Effect": "Allow", "Action": "*", "Resource": "*"})),
    "an older language": ("permissions", lambda policy: policy.update(Version="2008-10-17")),
}


@pytest.mark.parametrize("name", WIDER)
def test_what_may_allow_more_is_widened(name: str) -> None:
    part, change = WIDER[name]
    found = found_with(**{"trust" if part == "trust" else "scope": change})
    assert [(each.part, each.kind) for each in found] == [(part, DriftKind.WIDENED)]
    assert found[0].wanted != found[0].found


NARROWER: dict[str, tuple[str, Change]] = {
    "an earlier end": ("trust", end_at("2031-05-19T07:00:00Z")),
    "a further condition": (
        "trust",
        lambda policy: condition(policy).update(Bool={"aws:MultiFactorAuthPresent": "true"}),
    ),
    "nobody": ("trust", put("Effect", "Deny")),
    "a deny more": ("permissions", add({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})),
    "one action less": ("permissions", put("Action", "s3:GetObject")),
    "one prefix": ("permissions", put("Resource", ["arn:aws:s3:::joint/out/*"])),
    "one action less, in other letters": ("permissions", put("Action", "S3:getobject")),
    "nothing allowed": ("permissions", drop("Read")),
    "an earlier deny": (
        "permissions",
        put("Condition", {"DateGreaterThanEquals": {"aws:CurrentTime": "2031-05-10T00:00:00Z"}}, 2),
    ),
}


@pytest.mark.parametrize("name", NARROWER)
def test_what_surely_allows_no_more_is_only_changed(name: str) -> None:
    part, change = NARROWER[name]
    found = found_with(**{"trust" if part == "trust" else "scope": change})
    assert [(each.part, each.kind) for each in found] == [(part, DriftKind.CHANGED)]


def test_a_second_inline_policy_counts() -> None:
    role = standing(WANTED)
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}

    def kinds(inline: dict[str, Any]) -> list[DriftKind]:
        return [each.kind for each in differences(WANTED, replace(role, inline=inline), now=NOW)]

    assert kinds({**role.inline, "More": allow}) == [DriftKind.WIDENED]
    assert kinds({**role.inline, "Less": deny}) == [DriftKind.CHANGED]
    assert kinds({"Renamed": role.inline[SCOPE_POLICY]}) == [DriftKind.CHANGED]
    assert kinds({}) == [DriftKind.WIDENED]


@pytest.mark.parametrize(
    ("changes", "part", "kind"),
    [
        (
            {"attached": ("arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B")},
            "attached",
            DriftKind.WIDENED,
        ),
        ({"attached": ("arn:aws:iam::aws:policy/B",)}, "attached", DriftKind.WIDENED),
        ({"attached": ()}, "attached", DriftKind.CHANGED),
        ({"boundary_arn": None}, "boundary", DriftKind.WIDENED),
        ({"boundary_arn": "arn:aws:iam::222222222222:policy/Other"}, "boundary", DriftKind.WIDENED),
        ({"max_session": timedelta(hours=12)}, "max_session", DriftKind.CHANGED),
        ({"tags": {}}, "tags", DriftKind.CHANGED),
        ({"description": "x"}, "description", DriftKind.CHANGED),
        ({"path": "/elsewhere/"}, "path", DriftKind.REMADE),
    ],
)
def test_the_other_parts_are_told_one_by_one(changes: dict[str, Any], part: str, kind: DriftKind) -> None:
    assert [(each.part, each.kind) for each in found_with(**changes)] == [(part, kind)]


def of_role(principal: Any) -> tuple[Any, StandingRole]:
    wanted = spec(principal_arn=ROLE_OF_THEIRS)
    role = standing(wanted)
    trust = copy.deepcopy(dict(role.trust))
    trust["Statement"][0]["Principal"] = {"AWS": principal}
    return wanted, replace(role, trust=trust)


@pytest.mark.parametrize("unique_id", ["AROA1234567890EXAMPLE", "AIDA1234567890EXAMPLE"])
def test_a_principal_that_was_made_anew_is_told_as_such(unique_id: str) -> None:
    wanted, role = of_role(unique_id)
    found = differences(wanted, role, now=NOW)
    assert [(each.part, each.kind) for each in found] == [("trust", DriftKind.PRINCIPAL_REMADE)]
    assert ROLE_OF_THEIRS in found[0].why


def test_somebody_else_beside_it_is_worse_than_that() -> None:
    wanted, role = of_role(["AROA1234567890EXAMPLE", f"arn:aws:iam::{THEIRS}:role/other"])
    assert [each.kind for each in differences(wanted, role, now=NOW)] == [DriftKind.WIDENED]


def test_an_external_id_whose_time_is_over_is_no_difference_and_one_whose_is_not_is() -> None:
    both = spec(external_ids=(AcceptedExternalId(CURRENT), AcceptedExternalId(OLD, NOW)))
    role = standing(both)
    assert differences(spec(), role, now=NOW) == []
    early = differences(spec(), role, now=NOW - timedelta(seconds=1))
    assert [(each.part, each.kind) for each in early] == [("trust", DriftKind.WIDENED)]


def test_an_end_with_a_later_alternative_is_not_over() -> None:
    role = standing(spec())
    trust = copy.deepcopy(dict(role.trust))
    more = copy.deepcopy(trust["Statement"][0])
    more["Principal"] = "*"
    more["Condition"]["DateLessThan"]["aws:CurrentTime"] = ["2031-05-06T07:00:00Z", "2099-01-01T00:00:00Z"]
    trust["Statement"].append(more)
    found = differences(spec(), replace(role, trust=trust), now=NOW)
    assert [each.kind for each in found] == [DriftKind.WIDENED]
    more["Condition"]["DateLessThan"]["aws:CurrentTime"] = ["2031-05-06T07:00:00Z"]
    assert differences(spec(), replace(role, trust=trust), now=NOW) == []


def test_what_is_shown_is_in_one_order_and_fit_for_json() -> None:
    first = found_with(scope=put("Action", ["s3:PutObject", "s3:GetObject"]))[0]
    second = found_with(scope=put("Action", ["s3:GetObject", "s3:PutObject"]))[0]
    assert first == second
    assert first.found[SCOPE_POLICY]["Statement"][0] == {
        "Sid": "Read",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": ["arn:aws:s3:::joint", "arn:aws:s3:::joint/*"],
    }
    assert found_with(trust=end_at(f"{END:%Y-%m-%dT%H:%M:%S}+00:00"))[0].wanted["Statement"][0][
        "Principal"
    ] == [f"AWS:{ROOT}"]


def all_but(*actions: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "NotAction": list(actions), "Resource": "*"},
    }


@pytest.mark.parametrize(
    ("wanted", "found", "kind"),
    [
        (("iam:*",), ("iam:*", "sts:*"), DriftKind.CHANGED),
        (("iam:*", "sts:*"), ("iam:*",), DriftKind.WIDENED),
    ],
)
def test_all_but_more_is_narrower_and_all_but_less_is_wider(
    wanted: tuple[str, ...], found: tuple[str, ...], kind: DriftKind
) -> None:
    should = spec(policy=all_but(*wanted))
    role = standing(spec(policy=all_but(*found)))
    assert [(each.part, each.kind) for each in differences(should, role, now=NOW)] == [("permissions", kind)]
