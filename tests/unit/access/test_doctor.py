"""Each cause planted alone is found and named; the healthy neighbour hears that nothing here stops it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brokers.types import Decision, DeniedCall, DriftKind, RoleDifference
from portal.access.doctor import (
    AwsFacts,
    DenyKind,
    Facts,
    GrantFacts,
    KnownExternalId,
    PartnerFacts,
    RoleFacts,
    ScopeFacts,
    Told,
    Verdict,
    sentence,
    stopped_by,
    unknown_role,
    walk,
)
from portal.access.lifecycle import GrantState, PartnerRoleState

NOW = datetime(2026, 5, 6, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROLE = "arn:aws:iam::222222222222:role/sallyport/partners/acme/sp-abc"
INSIDE = "arn:aws:sts::222222222222:assumed-role/sp-abc/their-session"
CALLER = "arn:aws:iam::999999999999:user/ci"
CURRENT = "6c7c3f0c-5a3e-4d9c-8c46-0d5cf2a9c001"
OLD = "6c7c3f0c-5a3e-4d9c-8c46-0d5cf2a9c002"
ANOTHERS = "6c7c3f0c-5a3e-4d9c-8c46-0d5cf2a9c003"
BUCKET = "arn:aws:s3:::acme-reports/2026.csv"


def healthy() -> Facts:
    """A call that gets in: right account, right ExternalId, within the window, and AWS refused nothing."""
    return Facts(
        told=Told(
            at=NOW,
            role_arn=ROLE,
            account="999999999999",
            principal_arn=CALLER,
            external_id=CURRENT,
            duration=HOUR,
        ),
        role=RoleFacts(
            arn=ROLE,
            state=PartnerRoleState.STANDING,
            principal_arn="arn:aws:iam::999999999999:root",
            max_session=HOUR,
            made_at=NOW - DAY,
        ),
        grant=GrantFacts(GrantState.ACTIVE, NOW - DAY, NOW + 13 * DAY),
        partner=PartnerFacts(
            name="Acme",
            contract_starts_at=NOW - 30 * DAY,
            contract_ends_at=NOW + 30 * DAY,
            account="999999999999",
            account_name="Acme production",
            accounts={"999999999999": "Acme production", "888888888888": "Acme test"},
        ),
        external_ids=(KnownExternalId(CURRENT), KnownExternalId(OLD, NOW + HOUR)),
        scope=ScopeFacts(allows=("Amazon S3: Read on arn:aws:s3:::acme-reports/*",)),
    )


def told(**changes: Any) -> Callable[[Facts], Facts]:
    return lambda facts: replace(facts, told=replace(facts.told, **changes))


def role(**changes: Any) -> Callable[[Facts], Facts]:
    return lambda facts: replace(facts, role=replace(facts.role, **changes))


def grant(**changes: Any) -> Callable[[Facts], Facts]:
    return lambda facts: replace(facts, grant=replace(facts.grant, **changes))


def partner(**changes: Any) -> Callable[[Facts], Facts]:
    return lambda facts: replace(facts, partner=replace(facts.partner, **changes))


def aws(**changes: Any) -> Callable[[Facts], Facts]:
    return lambda facts: replace(facts, aws=replace(facts.aws, **changes))


def entering(facts: Facts, because: str = "", **changes: Any) -> Facts:
    """AWS refused to let them in."""
    action = changes.pop("refused", "sts:AssumeRole")
    call = DeniedCall("AccessDenied", changes.pop("by", CALLER), action, ROLE, because)
    text = f"An error occurred (AccessDenied): {CALLER} is not authorized to perform: {action} {because}"
    told_now = replace(facts.told, call=call, action=action, error_text=text, **changes)
    return replace(facts, told=told_now)


def inside(facts: Facts, decided: Decision | None, because: str = "", **changes: Any) -> Facts:
    """They got in, and AWS refused a call with the role's credentials."""
    action, resource = changes.pop("action", "s3:GetObject"), changes.pop("resource", BUCKET)
    call = DeniedCall("AccessDenied", INSIDE, action, resource, because)
    text = f"An error occurred (AccessDenied): {INSIDE} is not authorized to perform: {action} {because}"
    now = replace(facts.told, call=call, action=action, resource=resource, error_text=text, external_id=None)
    return replace(facts, told=now, scope=replace(facts.scope, decided=decided, **changes))


def drifted(kind: DriftKind, part: str = "trust") -> AwsFacts:
    return AwsFacts(differences=(RoleDifference(part, kind, {}, {}, f"The {part} was changed by hand."),))


STOPPED: dict[str, tuple[Callable[[Facts], Facts], str, str]] = {
    "another account in the ARN": (
        told(role_arn=ROLE.replace("2222222", "3333333")), "role_arn", "The role of this grant is arn:"),
    "no path in the ARN": (
        told(role_arn="arn:aws:iam::222222222222:role/sp-abc"), "role_arn", "The path is not that of the role"),
    "capitals in the ARN": (told(role_arn=ROLE.replace("sp-abc", "SP-abc")), "role_arn", "Capital and small"),
    "quotes around the ARN": (told(role_arn=f'"{ROLE}" '), "role_arn", "spaces or quotes"),
    "partner suspended": (partner(suspended_at=NOW - HOUR), "partner", "Acme is suspended since"),
    "account closed": (partner(account_closed_at=NOW - HOUR), "partner", "was closed here"),
    "contract over": (partner(contract_ends_at=NOW), "contract", "The contract with Acme ended"),
    "contract to come": (partner(contract_starts_at=NOW + HOUR), "contract", "starts only at"),
    "before the window": (grant(starts_at=NOW + HOUR), "window", "the grant starts only at 2026-05-06 13:00:00"),
    "after the window": (grant(ends_at=NOW), "window", "the grant ended at 2026-05-06 12:00:00"),
    "revoked": (
        grant(state=GrantState.REVOKED, ended_at=NOW - HOUR, end_reason="left the project"),
        "window", "The grant was revoked at 2026-05-06 11:00:00 UTC: left the project"),
    "not made yet": (role(state=PartnerRoleState.MAKING, made_at=None), "role", "not made yet: a worker"),
    "making fails": (
        role(state=PartnerRoleState.MAKING, made_at=None, last_error="LimitExceeded: 1,000 roles.",
             next_try_at=NOW + HOUR),
        "role", "because making it fails: LimitExceeded: 1,000 roles."),
    "not made yet then": (role(made_at=NOW + HOUR), "role", "AWS shows it since"),
    "closing": (role(state=PartnerRoleState.CLOSING, closing_at=NOW), "role", "has been closing since"),
    "gone": (
        role(state=PartnerRoleState.GONE, closing_at=NOW - HOUR, gone_at=NOW - HOUR), "role", "is gone from AWS"),
    "taken away by hand": (aws(is_there=False), "role", "Somebody took the role away"),
    "their key is over": (
        told(call=DeniedCall("ExpiredToken"), error_text="(ExpiredToken) token expired"), "client", "are over"),
    "no keys at all": (told(error_text="Unable to locate credentials"), "client", "no credentials of its own"),
    "no such profile": (
        told(error_text="The config profile (acme) could not be found"), "client", "no such profile"),
    "their own session policy": (
        lambda facts: inside(facts, Decision.ALLOWED, "no session policy allows the s3:GetObject action"),
        "client", "a session policy that they send"),
    "as themselves": (
        told(action="s3:GetObject", call=DeniedCall("AccessDenied", CALLER, "s3:GetObject"), error_text="no"),
        "client", "which is themselves"),
    "wrong account": (
        told(account="777777777777", principal_arn=""), "account", "came from account 777777777777; the role"),
    "another account of theirs": (
        told(account="888888888888", principal_arn=""), "account", "Acme's account Acme test"),
    "account of the caller's ARN": (
        told(account="", principal_arn="arn:aws:iam::777777777777:user/ci"), "account", "777777777777"),
    "wrong principal": (
        role(principal_arn="arn:aws:iam::999999999999:role/deploy"), "principal", f"called as {CALLER}"),
    "another role": (
        lambda facts: told(principal_arn="arn:aws:sts::999999999999:assumed-role/build/1")(
            role(principal_arn="arn:aws:iam::999999999999:role/ci/deploy")(facts)),
        "principal", "assumed-role/build"),
    "their root user": (
        told(principal_arn="arn:aws:iam::999999999999:root"), "principal", "root user, which can't assume"),
    "made again": (
        lambda facts: replace(facts, aws=drifted(DriftKind.PRINCIPAL_REMADE)), "principal", "was deleted in"),
    "no ExternalId": (told(external_id=""), "external_id", "They send no ExternalId"),
    "another's ExternalId": (
        lambda facts: replace(told(external_id=ANOTHERS)(facts), anothers_id="Beta"),
        "external_id", "It is Beta's."),
    "nobody's ExternalId": (told(external_id=ANOTHERS), "external_id", "was never that of Acme production."),
    "old ExternalId": (told(external_id=OLD, at=NOW + HOUR), "external_id", "an old ExternalId"),
    "capitals in the ExternalId": (told(external_id=CURRENT.upper()), "external_id", "written otherwise"),
    "braces around the ExternalId": (told(external_id=f"{{{CURRENT}}}"), "external_id", "written otherwise"),
    "tags": (told(sends_tags=True), "session", "session tags"),
    "tags, says AWS": (lambda facts: entering(facts, refused="sts:TagSession"), "session", "sts:TagSession"),
    "source identity": (told(sends_source_identity=True), "session", "a source identity"),
    "source identity, says AWS": (
        lambda facts: entering(facts, refused="sts:SetSourceIdentity"), "session", "sts:SetSourceIdentity"),
    "too long": (told(duration=2 * HOUR), "duration", "7,200 seconds; this role's sessions last 3,600"),
    "too long, says AWS": (
        told(duration=None, error_text="exceeds the MaxSessionDuration set for this role"), "duration", "3,600"),
    "chained too long": (
        lambda facts: told(principal_arn="arn:aws:sts::999999999999:assumed-role/ci/1", duration=2 * HOUR)(
            role(max_session=12 * HOUR)(facts)),
        "duration", "another role's credentials"),
    "chained, says AWS": (
        told(duration=None, error_text="1 hour session limit for roles assumed by role chaining"),
        "duration", "another role's credentials"),
    "too short": (told(duration=timedelta(seconds=899)), "duration", "shortest session is 900"),
    "another action": (
        lambda facts: inside(facts, Decision.NOT_ALLOWED, action="s3:PutObject"),
        "scope", "doesn't have s3:PutObject. It allows: Amazon S3: Read on"),
    "another bucket": (
        lambda facts: inside(facts, Decision.NOT_ALLOWED, reaches=True, resource="arn:aws:s3:::other/x"),
        "scope", "not on arn:aws:s3:::other/x. It allows: Amazon S3: Read on"),
    "the window's deny": (
        lambda facts: inside(facts, Decision.EXPLICIT_DENY, denied_by=DenyKind.WINDOW), "denies", "window"),
    "chaining": (
        lambda facts: inside(facts, Decision.EXPLICIT_DENY, denied_by=DenyKind.CHAINING, action="sts:AssumeRole"),
        "denies", "go on to a further role"),
    "their own role": (
        lambda facts: inside(facts, Decision.EXPLICIT_DENY, denied_by=DenyKind.OWN_ROLE, action="iam:GetRole"),
        "denies", "the role itself"),
    "a deny of the scope": (lambda facts: inside(facts, Decision.EXPLICIT_DENY), "denies", "of the scope itself"),
    "a deny that should not be there": (
        lambda facts: inside(facts, Decision.ALLOWED, "with an explicit deny in an identity-based policy"),
        "denies", "none that should be there does"),
    "boundary": (
        lambda facts: inside(facts, Decision.ALLOWED, "because no permissions boundary allows the action"),
        "boundary", "permissions boundary doesn't allow s3:GetObject"),
    "trust changed": (
        lambda facts: replace(entering(facts), aws=drifted(DriftKind.CHANGED)), "drift", "changed by hand"),
    "permissions changed": (
        lambda facts: replace(inside(facts, Decision.ALLOWED), aws=drifted(DriftKind.CHANGED, "permissions")),
        "drift", "permissions was changed by hand"),
}  # fmt: skip
MAYBE: dict[str, tuple[Callable[[Facts], Facts], str, str]] = {
    "made seconds before": (role(made_at=NOW - timedelta(seconds=5)), "role", "seconds before"),
    "ExternalId on its way": (role(has_changes_under_way=True), "external_id", "being brought to AWS"),
    "ExternalId that nobody tells": (
        lambda facts: entering(told(external_id=None)(facts)), "external_id", "Nobody says which ExternalId"),
    "widened": (lambda facts: replace(facts, aws=drifted(DriftKind.WIDENED)), "drift", "changed by hand"),
    "their own policy": (entering, "their_policy", "no policy lets arn:aws:iam::999999999999:user/ci assume"),
    "their own policy, says AWS": (
        lambda facts: entering(facts, "because no identity-based policy allows the sts:AssumeRole action"),
        "their_policy", "AWS says so"),
    "resource untold": (
        lambda facts: inside(facts, Decision.NOT_ALLOWED, reaches=True, resource=""), "scope", "nobody says on what"),
    "allowed, refused all the same": (
        lambda facts: inside(facts, Decision.ALLOWED), "boundary", "permissions boundary may not"),
    "service control policy": (
        lambda facts: inside(facts, None, "with an explicit deny in a service control policy"),
        "organisation", "a service control policy of an organisation"),
    "resource control policy": (
        lambda facts: entering(facts, "with an explicit deny in a resource control policy", duration=None),
        "organisation", "AWS names a resource control policy"),
    "bucket policy": (
        lambda facts: inside(facts, None, "with an explicit deny in a resource-based policy"),
        "organisation", "the policy of the resource itself"),
}  # fmt: skip


@pytest.mark.parametrize("planted", STOPPED)
def test_what_stops_it_is_found_alone(planted: str) -> None:
    plant, name, words = STOPPED[planted]
    steps = walk(plant(healthy()))
    stopped = [step for step in steps if step.verdict == Verdict.STOPPED]
    assert [step.name for step in stopped] == [name]
    assert words in stopped[0].detail
    assert stopped[0].advice
    assert stopped_by(steps) == name
    assert sentence(steps) == stopped[0].detail


@pytest.mark.parametrize("planted", MAYBE)
def test_what_may_stop_it_is_named_and_not_sworn_to(planted: str) -> None:
    plant, name, words = MAYBE[planted]
    steps = walk(plant(healthy()))
    assert not [step for step in steps if step.verdict == Verdict.STOPPED]
    first = next(step for step in steps if step.verdict == Verdict.MAYBE)
    assert first.name == stopped_by(steps) == name
    assert words in first.detail
    assert first.advice
    assert "for certain" in sentence(steps)


HEALTHY: dict[str, Callable[[Facts], Facts]] = {
    "healthy": lambda facts: facts,
    "inside": lambda facts: replace(
        inside(facts, Decision.ALLOWED), told=replace(inside(facts, Decision.ALLOWED).told, error_text="")
    ),
    "old ExternalId in its window": told(external_id=OLD, at=NOW + HOUR - timedelta(seconds=1)),
    "the window's first second": grant(starts_at=NOW),
    "the window's last second": grant(ends_at=NOW + timedelta(seconds=1)),
    "the contract's last second": partner(contract_ends_at=NOW + timedelta(seconds=1)),
    "suspended later": partner(suspended_at=NOW + HOUR),
    "revoked later": grant(state=GrantState.REVOKED, ended_at=NOW + HOUR),
    "its longest session": told(duration=HOUR),
    "chained for an hour": told(principal_arn="arn:aws:sts::999999999999:assumed-role/ci/1", duration=HOUR),
    "a role with a path": lambda facts: told(principal_arn="arn:aws:sts::999999999999:assumed-role/deploy/1")(
        role(principal_arn="arn:aws:iam::999999999999:role/ci/deploy")(facts)
    ),
    "being changed, never rotated": lambda facts: replace(
        role(has_changes_under_way=True)(facts),
        external_ids=(KnownExternalId(CURRENT),),
        aws=AwsFacts(is_there=None),
    ),
    "little is told": lambda facts: replace(facts, told=Told(at=NOW)),
    "AWS is silent": aws(silent="iam:GetRole got no usable answer from AWS", is_there=None),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_the_healthy_neighbour_hears_that_nothing_stops_it(name: str) -> None:
    steps = walk(HEALTHY[name](healthy()))
    assert {step.verdict for step in steps} <= {Verdict.OK, Verdict.UNKNOWN}
    assert stopped_by(steps) == ""
    assert sentence(steps) == "Nothing here stops it."


def test_a_silent_aws_leaves_one_step_unknown_and_the_rest_goes_on() -> None:
    steps = walk(told(external_id="")(aws(silent="iam:GetRole timed out", is_there=None)(healthy())))
    verdicts = {step.name: step.verdict for step in steps}
    assert verdicts["drift"] == Verdict.UNKNOWN
    assert stopped_by(steps) == "external_id"


def test_their_policy_comes_with_the_statement_to_paste() -> None:
    step = next(step for step in walk(entering(healthy())) if step.name == "their_policy")
    assert '"Action": "sts:AssumeRole"' in step.paste
    assert f'"Resource": "{ROLE}"' in step.paste


def test_what_a_managed_policy_allows_is_not_guessed() -> None:
    managed = ("arn:aws:iam::aws:policy/ReadOnlyAccess",)
    unread = inside(healthy(), Decision.NOT_ALLOWED, managed=managed)
    assert next(s for s in walk(unread) if s.name == "scope").verdict == Verdict.UNKNOWN
    said = inside(
        healthy(), Decision.NOT_ALLOWED, "because no identity-based policy allows it", managed=managed
    )
    assert stopped_by(walk(said)) == "scope"


def test_a_role_that_nobody_knows_is_one_step() -> None:
    steps = unknown_role("arn:aws:iam::222222222222:role/nothing")
    assert stopped_by(steps) == "role_arn"
    assert "There is no such role" in sentence(steps)
    assert "role/nothing" in sentence(steps)
