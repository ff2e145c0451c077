"""Overflow into managed policies of the portal's own: what is made, kept, taken away, and survives a break-off."""

import json
from collections.abc import Callable

import pytest

from brokers.aws.deny_write import POLICY_NAME
from brokers.aws.own_names import policy_name
from brokers.aws.revocation import deny_document
from brokers.errors import AwsRefused, AwsUnavailable, LimitExceeded, NotPossible
from brokers.types import DenyTarget, PrincipalKind
from tests.unit.brokers.aws.fake_iam import ROOT, FakeIam, Managed
from tests.unit.brokers.aws.test_deny import KINDS, padded, target, writer

ENTRIES = [f"AROA1234567890ABCDEF:sp-{number:026}" for number in range(2_000)]
EACH = len(ENTRIES[0]) + 3


def own(number: int, kind: PrincipalKind = PrincipalKind.ROLE) -> str:
    return f"{ROOT}/sallyport/SallyportRevoked-{kind}-Developer-{number}"


def holds(limit: int) -> int:
    """Return how many of ENTRIES a policy of so many characters holds."""
    return (limit - len(json.dumps(deny_document(ENTRIES[:1]), separators=(",", ":")))) // EACH + 1


def sizes(iam: FakeIam) -> list[int]:
    documents = [iam.managed[arn].versions[iam.managed[arn].default] for arn in iam.attached]
    return [len(json.dumps(document, separators=(",", ":"))) for document in documents]


@pytest.mark.parametrize(("kind", "noun", "limit"), KINDS)
def test_one_more_than_fits_inline_makes_a_managed_policy_and_one_less_takes_it_away(
    kind: PrincipalKind, noun: str, limit: int
) -> None:
    iam = FakeIam(noun)
    deny, fits = writer(iam), holds(limit)
    deny.write(target(kind), ENTRIES[:fits])
    assert (iam.denied(), iam.attached, iam.managed) == (set(ENTRIES[:fits]), [], {})
    deny.write(target(kind), ENTRIES[: fits + 1])
    assert iam.denied() == set(ENTRIES[: fits + 1])
    assert iam.attached == [own(1, kind)]
    found = deny.read(target(kind))
    assert found.entries == set(ENTRIES[: fits + 1])
    assert [(size.name, size.entries) for size in found.policies] == [
        (POLICY_NAME, fits),
        (f"SallyportRevoked-{kind}-Developer-1", 1),
    ]
    # Whoever leaves, the last one comes inline, and nothing else is left.
    deny.write(target(kind), ENTRIES[1 : fits + 1])
    assert (iam.denied(), iam.attached, iam.managed) == (set(ENTRIES[1 : fits + 1]), [], {})


def test_calls_of_an_overflow() -> None:
    iam, fits = FakeIam("Role"), holds(10_240)
    deny = writer(iam)
    deny.write(target(), ENTRIES[: fits + 1])
    start = ["list_attached_role_policies", "list_role_policies", "get_role_policy"]
    assert iam.calls == [*start, "put_role_policy", "create_policy", "attach_role_policy"]
    iam.calls.clear()
    deny.write(target(), ENTRIES[: fits + 2])
    assert iam.calls == [*start, "get_policy", "get_policy_version", "create_policy_version"]
    iam.calls.clear()
    deny.write(target(), ENTRIES[: fits + 2])
    assert iam.calls == [*start, "get_policy", "get_policy_version"]
    iam.calls.clear()
    deny.read(target())
    assert iam.calls == ["list_attached_role_policies", "get_role_policy", "get_policy", "get_policy_version"]


def test_a_managed_policy_is_filled_up_to_its_limit_then_the_next_begins() -> None:
    iam = FakeIam("User", {"Other": padded(2_048)})
    deny, fits = writer(iam), holds(6_144)
    deny.write(target(PrincipalKind.USER), ENTRIES[:fits])
    assert (len(iam.attached), POLICY_NAME in iam.policies) == (1, False)
    assert 6_144 - EACH < sizes(iam)[0] <= 6_144
    deny.write(target(PrincipalKind.USER), ENTRIES[: fits + 1])
    assert len(iam.attached) == 2
    assert max(sizes(iam)) <= 6_144


@pytest.mark.parametrize("others", [0, 3, 10])
def test_all_ten_policies_are_filled_others_counted_and_one_more_is_refused_before_any_change(
    others: int,
) -> None:
    foreign = [f"arn:aws:iam::aws:policy/Their{number}" for number in range(others)]
    iam = FakeIam("Role", attached=list(foreign))
    deny, most = writer(iam), holds(10_240) + (10 - others) * holds(6_144)
    deny.write(target(), ENTRIES[:most])
    assert iam.denied() == set(ENTRIES[:most])
    assert len(iam.attached) == 10
    before = (dict(iam.policies), list(iam.attached))
    with pytest.raises(
        LimitExceeded, match=rf"is {most + 1:,} sessions.*10 attached, {others} of them others'"
    ):
        deny.write(target(), ENTRIES[: most + 1])
    assert (iam.policies, iam.attached) == before
    deny.write(target(), [])
    assert (iam.policies, iam.attached, iam.managed) == ({}, foreign, {})


def test_a_version_more_than_five_takes_the_place_of_the_oldest() -> None:
    iam, fits = FakeIam("Role"), holds(10_240)
    deny = writer(iam)
    for number in range(1, 13):
        deny.write(target(), ENTRIES[: fits + number])
        assert iam.denied() == set(ENTRIES[: fits + number])
    assert list(iam.managed[own(1)].versions) == ["v8", "v9", "v10", "v11", "v12"]
    deny.write(target(), ENTRIES[:1])
    assert iam.managed == {}


def test_a_policy_that_vanished_from_under_us_is_made_anew() -> None:
    iam, fits = FakeIam("Role"), holds(10_240)
    deny = writer(iam)
    deny.write(target(), ENTRIES[: fits + 5])
    iam.attached.clear()
    assert deny.read(target()).entries == set(ENTRIES[:fits])
    deny.write(target(), ENTRIES[: fits + 5])
    assert iam.denied() == set(ENTRIES[: fits + 5])
    assert iam.attached == [own(1)]


def test_a_managed_policy_changed_by_hand_is_put_back() -> None:
    iam, fits = FakeIam("Role"), holds(10_240)
    deny = writer(iam)
    deny.write(target(), ENTRIES[: fits + 5])
    iam.managed[own(1)].versions["v1"] = {"Version": "2012-10-17", "Statement": []}
    found = deny.read(target())
    assert (found.intact, len(found.entries)) == (False, fits)
    deny.write(target(), ENTRIES[: fits + 5])
    assert (deny.read(target()).intact, iam.denied()) == (True, set(ENTRIES[: fits + 5]))


def foreign_policies() -> dict[str, Managed]:
    document = {"Version": "2012-10-17", "Statement": []}
    names = (
        "/SallyportRevoked-role-Developer-1",
        "/other/SallyportRevoked-role-Developer-1",
        "/sallyport/SallyportRevoked-role-Developer",
        "/sallyport/SallyportRevoked-role-Developer-0",
        "/sallyport/SallyportRevoked-role-Developer-11",
        "/sallyport/SallyportRevoked-role-Developer-01",
        "/sallyport/SallyportRevoked-role-Developer2-1",
        "/sallyport/SallyportRevoked-user-Developer-1",
    )
    return {ROOT + name: Managed("somebody's", {"v1": document}) for name in names}


def test_policies_of_others_under_alike_names_are_never_touched() -> None:
    iam, fits = FakeIam("Role", managed=foreign_policies()), holds(10_240)
    iam.attached = list(iam.managed)
    deny = writer(iam)
    deny.write(target(), ENTRIES[: fits + 1])
    assert own(1) in iam.attached
    deny.write(target(), [])
    assert iam.managed == foreign_policies()
    assert iam.attached == list(foreign_policies())


def test_a_policy_that_bears_our_name_without_our_mark_is_not_ours() -> None:
    theirs = {own(1): Managed("somebody's", {"v1": {"Version": "2012-10-17", "Statement": []}})}
    iam, fits = FakeIam("Role", managed=dict(theirs), attached=[own(1)]), holds(10_240)
    deny = writer(iam)
    assert deny.read(target()).intact
    deny.write(target(), ENTRIES[: fits + 1])
    assert iam.attached == [own(1), own(2)]
    deny.write(target(), [])
    assert (iam.managed, iam.attached) == (theirs, [own(1)])
    # Not attached it isn't seen beforehand: said, and nothing of it changed. What fits inline is denied already.
    iam.attached.clear()
    with pytest.raises(NotPossible, match="isn't the portal's own"):
        deny.write(target(), ENTRIES[: fits + 1])
    assert iam.managed == theirs
    assert iam.denied() == set(ENTRIES[:fits])


def test_aws_own_word_on_the_room_counts() -> None:
    iam = FakeIam("Role", refuse={"put_role_policy": "LimitExceeded"})
    deny = writer(iam)
    deny.write(target(), ENTRIES[:3])
    assert (iam.policies, iam.denied()) == ({}, set(ENTRIES[:3]))
    # What stands inline stays there when it can't grow.
    iam = FakeIam("Role")
    deny = writer(iam)
    deny.write(target(), ENTRIES[:3])
    iam.refuse = {"put_role_policy": "LimitExceeded"}
    deny.write(target(), ENTRIES[:5])
    assert iam.policies[POLICY_NAME] == deny_document(ENTRIES[:3])
    assert iam.denied() == set(ENTRIES[:5])


@pytest.mark.parametrize("method", ["get_policy", "detach_role_policy", "delete_policy"])
def test_a_refusal_on_the_way_out_is_passed_on(method: str) -> None:
    iam = FakeIam("Role")
    deny = writer(iam)
    deny.write(target(), ENTRIES[:200])
    iam.refuse = {method: "AccessDenied"}
    with pytest.raises(AwsRefused, match="AccessDenied"):
        deny.write(target(), [])
    iam.refuse = {}
    deny.write(target(), [])
    assert (iam.managed, iam.attached, iam.policies) == ({}, [], {})


def test_a_policy_that_goes_while_it_is_looked_at_is_gone() -> None:
    iam, fits = FakeIam("Role"), holds(10_240)
    deny = writer(iam)
    deny.write(target(), ENTRIES[: fits + 1])
    iam.refuse = {"get_policy": "NoSuchEntity"}
    assert deny.read(target()).entries == set(ENTRIES[:fits])
    deny.write(target(), [])


@pytest.mark.parametrize("method", ["create_policy", "attach_role_policy"])
def test_no_room_for_another_policy_is_the_same_error(method: str) -> None:
    iam = FakeIam("Role", refuse={method: "LimitExceeded"})
    with pytest.raises(
        LimitExceeded, match="SallyportRevoked-role-Developer-1 is one policy more; allowed is why"
    ):
        writer(iam).write(target(), ENTRIES[:200])
    iam.refuse = {method: "AccessDenied"}
    with pytest.raises(AwsRefused, match="AccessDenied"):
        writer(iam).write(target(), ENTRIES[:200])


def test_a_refused_version_that_is_not_about_their_number_is_an_error() -> None:
    iam, fits = FakeIam("Role"), holds(10_240)
    deny = writer(iam)
    deny.write(target(), ENTRIES[: fits + 1])
    iam.refuse = {"create_policy_version": "LimitExceeded"}
    with pytest.raises(LimitExceeded, match="a new version"):
        deny.write(target(), ENTRIES[: fits + 2])
    iam.refuse = {"create_policy_version": "AccessDenied"}
    with pytest.raises(AwsRefused, match="AccessDenied"):
        deny.write(target(), ENTRIES[: fits + 2])


def break_everywhere(iam: FakeIam, act: Callable[[], None], check: Callable[[], None]) -> int:
    """Break `act` off after 0, 1, 2… changes, and again on the way back, until it gets through."""
    for done in range(100):
        iam.break_off = done
        try:
            act()
        except AwsUnavailable:
            check()
        else:
            iam.break_off = None
            return done
        iam.break_off = None
    raise AssertionError("it never got through")


@pytest.mark.parametrize(
    ("before", "after"), [((0, 0), (0, 420)), ((0, 420), (5, 430)), ((0, 420), (30, 60))]
)
def test_a_write_broken_off_anywhere_is_finished_by_the_next(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    first, second = ENTRIES[slice(*before)], ENTRIES[slice(*after)]
    kept = set(first) & set(second)
    iam = FakeIam("Role")
    deny = writer(iam)
    if first:
        deny.write(target(), first)
    # Each try goes on from what the one before left behind, as a worker that takes over does.
    iam.after = lambda: _require(kept <= iam.denied())
    tries = break_everywhere(
        iam, lambda: deny.write(target(), second), lambda: _require(kept <= iam.denied())
    )
    assert tries > 1
    assert iam.denied() == set(second)
    found = deny.read(target())
    assert found.intact
    assert found.entries == set(second)
    iam.after = lambda: None
    break_everywhere(iam, lambda: deny.write(target(), []), lambda: None)
    assert (iam.policies, iam.managed, iam.attached) == ({}, {}, [])


def test_what_a_broken_off_write_left_unattached_goes_in_the_end() -> None:
    iam = FakeIam("Role")
    deny = writer(iam)
    iam.break_off = 2  # the inline policy and the first managed one; it is never attached
    with pytest.raises(AwsUnavailable):
        deny.write(target(), ENTRIES[:200])
    iam.break_off = None
    assert (list(iam.managed), iam.attached) == ([own(1)], [])
    deny.write(target(), ENTRIES[:1])
    deny.write(target(), [])
    assert (iam.policies, iam.managed) == ({}, {})


def test_names_fit_and_no_two_principals_share_one() -> None:
    def named(kind: PrincipalKind, name: str) -> str:
        return policy_name(DenyTarget(target().partition, "222222222222", kind, name), 10)

    assert len(named(PrincipalKind.ROLE, "x" * 64)) <= 128
    names = ["a", "a-1", "a-10", "role-a", "user-a"]
    made = {
        policy_name(target(kind, name), slot)
        for kind in PrincipalKind
        for name in names
        for slot in range(1, 11)
    }
    assert len(made) == 2 * len(names) * 10


def _require(holds: bool) -> None:  # an assertion inside a lambda
    assert holds
