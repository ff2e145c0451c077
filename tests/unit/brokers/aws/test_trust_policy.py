"""Who may come in by a partner's role, when and with what: the documents, to the letter."""

from datetime import timedelta

from brokers.aws.partner_permissions import CLOSED
from brokers.aws.role_policies import RolePolicies
from brokers.aws.trust_policy import CLOSED as CLOSED_TRUST
from brokers.types import AcceptedExternalId, AccountPlace, Partition
from tests.unit.brokers.aws.partner_specs import CURRENT, END, OLD, ROOT, SCOPE, START, spec

SOON = AcceptedExternalId(OLD, START + timedelta(days=1, milliseconds=300))


def test_it_names_the_principal_the_external_id_and_the_window_and_nothing_else() -> None:
    assert RolePolicies().trust_policy(spec()) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "SallyportPartner1",
                "Effect": "Allow",
                "Principal": {"AWS": ROOT},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"sts:ExternalId": CURRENT},
                    "DateGreaterThanEquals": {"aws:CurrentTime": "2031-05-06T07:00:00Z"},
                    "DateLessThan": {"aws:CurrentTime": "2031-05-20T07:00:00Z"},
                },
            }
        ],
    }


def test_each_external_id_has_a_statement_and_the_old_one_ends_by_itself() -> None:
    one = RolePolicies().trust_policy(spec(external_ids=(SOON, AcceptedExternalId(CURRENT))))
    other = RolePolicies().trust_policy(spec(external_ids=(AcceptedExternalId(CURRENT), SOON)))
    assert one == other
    told = [
        (
            each["Condition"]["StringEquals"]["sts:ExternalId"],
            each["Condition"]["DateLessThan"]["aws:CurrentTime"],
        )
        for each in one["Statement"]
    ]
    assert told == [(CURRENT, "2031-05-20T07:00:00Z"), (OLD, "2031-05-07T07:00:00Z")]
    assert len({each["Sid"] for each in one["Statement"]}) == 2


def test_an_external_id_is_never_accepted_past_the_grants_end() -> None:
    late = RolePolicies().trust_policy(spec(external_ids=(AcceptedExternalId(OLD, END + timedelta(days=1)),)))
    assert late["Statement"][0]["Condition"]["DateLessThan"]["aws:CurrentTime"] == "2031-05-20T07:00:00Z"


def test_the_window_is_rounded_inwards() -> None:
    half = timedelta(milliseconds=500)
    condition = RolePolicies().trust_policy(spec(starts_at=START + half, ends_at=END + half))["Statement"][0][
        "Condition"
    ]
    assert condition["DateGreaterThanEquals"]["aws:CurrentTime"] == "2031-05-06T07:00:01Z"
    assert condition["DateLessThan"]["aws:CurrentTime"] == "2031-05-20T07:00:00Z"


def test_the_permissions_are_the_scope_and_four_denies() -> None:
    place = AccountPlace(Partition.US_GOV, "222222222222", "arn:aws-us-gov:iam::222222222222:role/p")
    found = RolePolicies().permissions(spec(place=place))
    assert found["Statement"][:1] == SCOPE["Statement"]
    assert {each["Sid"]: {**each, "Sid": None} for each in found["Statement"][1:]} == {
        "SallyportStart": {
            "Sid": None,
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:CurrentTime": "2031-05-06T07:00:00Z"}},
        },
        "SallyportEnd": {
            "Sid": None,
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateGreaterThanEquals": {"aws:CurrentTime": "2031-05-20T07:00:00Z"}},
        },
        "SallyportChain": {"Sid": None, "Effect": "Deny", "Action": "sts:Assume*", "Resource": "*"},
        "SallyportOwn": {
            "Sid": None,
            "Effect": "Deny",
            "Action": "iam:*",
            "Resource": [
                "arn:aws-us-gov:iam::222222222222:role/sallyport/*",
                "arn:aws-us-gov:iam::222222222222:policy/sallyport/*",
                "arn:aws-us-gov:iam::222222222222:policy/SallyportPartnerBoundary",
            ],
        },
    }


def test_with_managed_policies_alone_there_are_the_denies_alone() -> None:
    found = RolePolicies().permissions(
        spec(policy=None, managed_policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",))
    )
    assert {each["Effect"] for each in found["Statement"]} == {"Deny"}


def test_what_closes_a_role_lets_nobody_in_and_denies_all() -> None:
    assert CLOSED_TRUST["Statement"] == [
        {
            "Sid": "SallyportClosed",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "sts:AssumeRole",
        }
    ]
    assert CLOSED["Statement"] == [
        {"Sid": "SallyportClosed", "Effect": "Deny", "Action": "*", "Resource": "*"}
    ]
