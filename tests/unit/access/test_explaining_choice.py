"""The choice of a grant's call, from its rows: role, hub, person and grant; whoever asks, nothing is asked of AWS."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from portal.access.choice import Cap, SessionPolicy
from portal.access.choice_calls import Call
from portal.access.models import DenyDocument, Hold, Revocation, UserKey
from portal.access.operations.credentials.check_callable import check_callable, new_denied_until
from portal.access.operations.credentials.explain_choice import choice_of, explain_choice, role_sentence
from portal.access.operations.cutting.deny_entries import deny_entry
from portal.access.operations.doctor.explain_refusal import explain_refusal
from portal.access.proofs import SamlProof, TokenProof, VerifiedProof
from portal.catalog.models import AccountHub, AwsRole
from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.kernel.clock import database_now
from portal.kernel.errors import BusyError, NotFoundError
from portal.kernel.sealing import seal
from tests.fakes import FakeAws
from tests.vouched import tests_provider as usual_provider
from tests.world import as_actor, make_admin, make_grant, make_person, make_role

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def explain(grant: Any, *, hub_is_chained: bool = False) -> Any:
    grant.refresh_from_db()
    return choice_of(grant, hub_is_chained=hub_is_chained, now=database_now())


def by_proof(method: str, **fields: Any) -> AwsRole:
    known = {
        "method": method,
        "vouched_by": usual_provider(),
        "provider_arn": "arn:aws:iam::1:x",
        "audience": "a",
    }
    return make_role(**{**known, **fields})


def test_a_plain_grant_is_got_by_assume_role_until_its_end(ben: Any, aws: FakeAws) -> None:
    grant = make_grant(ben)
    found, choice = explain_choice(grant_id=grant.pk, aws=aws.ports(), actor=as_actor(ben))
    assert found == grant
    assert (choice.call, choice.capped_by, choice.refused) == (Call.ASSUME_ROLE, Cap.GRANT, "")
    assert choice.policy == SessionPolicy.END
    assert aws.calls == []


def test_others_are_told_of_none(ben: Any, mallory: Any, aws: FakeAws) -> None:
    grant = make_grant(ben)
    for grant_id in (grant.pk, uuid4()):
        with pytest.raises(NotFoundError):
            explain_choice(grant_id=grant_id, aws=aws.ports(), actor=as_actor(mallory))
    seen, _ = explain_choice(grant_id=grant.pk, aws=aws.ports(), actor=as_actor(make_admin("view_grant")))
    assert seen == grant


def test_a_hub_of_the_accounts_own_decides_and_else_the_portals(ben: Any) -> None:
    grant = make_grant(ben, make_role(max_session_seconds=43_200), ends_at=database_now() + 5 * HOUR)
    assert explain(grant).call == Call.ASSUME_ROLE
    assert explain(grant, hub_is_chained=True).capped_by == Cap.CHAIN
    hub = AccountHub.objects.create(
        account=grant.role.account, kind="role", role_arn="arn:aws:iam::222233334444:role/Hub"
    )
    choice = explain(grant)
    assert (choice.call, choice.duration) == (Call.ASSUME_ROLE_CHAINED, HOUR)
    assert "a hub role of the account's, which the portal's own hub takes first" in choice.why
    assert "222233334444" not in choice.why, "its holder may be a partner's"
    hub.delete()
    AccountHub.objects.create(
        account=grant.role.account, kind="keys", access_key_id="AKIA" + "A" * 16, secret=seal(b"x")
    )
    own = explain(grant, hub_is_chained=True)
    assert own.call == Call.ASSUME_ROLE
    assert "called by an IAM user's own key" in own.why
    assert "AKIA" not in own.why


def test_another_role_on_the_way_chains(ben: Any) -> None:
    role = make_role(max_session_seconds=43_200)
    role.via = AwsRole.objects.create(account=role.account, title="Way", name="Way")
    role.save()
    choice = explain(make_grant(ben, role, ends_at=database_now() + 5 * HOUR))
    assert (choice.call, choice.capped_by) == (Call.ASSUME_ROLE_CHAINED, Cap.CHAIN)
    assert "with the credentials of Way" in choice.why


def test_whoever_has_no_identity_at_the_roles_provider_is_told_so(ben: Any) -> None:
    grant = make_grant(ben, by_proof("saml"))
    assert explain(grant).refused == ""
    carla = make_person("Carla Nunes")
    stranger = make_grant(carla, by_proof("saml", vouched_by=other_provider()))
    choice = explain(stranger)
    assert "Carla Nunes has no identity there" in choice.refused
    assert not choice.is_closed
    ExternalIdentity.objects.create(person=carla, provider=other_provider(), subject="carla")
    assert explain(stranger).refused == ""


def other_provider() -> Any:
    return IdentityProvider.objects.get_or_create(slug="other", defaults={"name": "Other", "kind": "saml"})[0]


def test_ones_own_user_needs_its_mfa_device_known(ben: Any) -> None:
    role = make_role(method="session_token", name="ben", allows_console=False)
    grant = make_grant(ben, role)
    other = make_role(method="session_token", name="mallory", allows_console=False)
    mallory = make_person("Mallory Quick")
    UserKey.objects.create(
        role=other, person=mallory, access_key_id="AKIA" + "B" * 16, mfa_serial="arn", kept_at=database_now()
    )
    assert "MFA device" in explain(grant).refused
    UserKey.objects.create(
        role=role, person=ben, access_key_id="AKIA" + "A" * 16, mfa_serial="arn", kept_at=database_now()
    )
    choice = explain(grant)
    assert (choice.refused, choice.call) == ("", Call.SESSION_TOKEN)


def test_what_is_closed_is_told_with_its_reason(ben: Any) -> None:
    past = database_now() - timedelta(minutes=1)
    choice = explain(make_grant(ben, ends_at=past, ended_at=past, state="expired"))
    assert choice.is_closed
    assert choice.refused == "This grant has ended; ask an admin for a new one."
    unvouched = explain(make_grant(make_person("Nobody Knows", vouched=False)))
    assert unvouched.is_closed
    assert "identity provider" in unvouched.refused


def test_in_hold_it_is_closed(ben: Any) -> None:
    grant = make_grant(ben)
    Hold.objects.create(entered_at=database_now(), reason="a restored backup")
    assert explain(grant).is_closed
    assert "hold" in explain(grant).refused
    Hold.objects.all().delete()
    assert not explain(grant).is_closed


def test_a_scope_goes_along_whether_written_here_or_managed_by_aws(ben: Any, template: Any) -> None:
    written = {"scope_template": template, "scope_policy": {"Version": "2012-10-17", "Statement": []}}
    managed = {"scope_managed_policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}
    for scope in (written, managed):
        scoped = make_grant(ben, scope_summary="One bucket", **scope)
        assert explain(scoped).policy == SessionPolicy.SCOPE_AND_END
    assert explain(make_grant(ben)).policy == SessionPolicy.END


def test_a_providers_word_that_ends_first_caps_it(ben: Any) -> None:
    provider = usual_provider()
    at = database_now() - provider.max_age + timedelta(minutes=30)
    ExternalIdentity.objects.filter(person=ben).update(confirmed_at=at)
    assert explain(make_grant(ben)).capped_by == Cap.SIGN_IN


def test_too_near_an_end_stops_what_carries_none_and_nothing_else(ben: Any) -> None:
    soon = database_now() + timedelta(minutes=20)
    pool = by_proof(
        "cognito", max_session_seconds=3600, identity_pool_id=f"eu-west-1:{uuid4()}", login_name="p"
    )
    choice = explain(make_grant(ben, pool, ends_at=soon))
    assert "takes no policy" in choice.refused
    assert explain(make_grant(ben, ends_at=soon)).refused == ""


@pytest.mark.parametrize("method", ["saml", "cognito"])
def test_what_was_cut_a_moment_ago_is_told_with_the_time_from_which_it_works(ben: Any, method: str) -> None:
    """Issuing refuses until the same moment, and not longer; whom it does not concern is told of nothing."""
    pool = {"max_session_seconds": 3600, "identity_pool_id": f"eu-west-1:{uuid4()}", "login_name": "p"}
    role = by_proof(method, **(pool if method == "cognito" else {}))
    ends_at = database_now() + 5 * HOUR
    mine, neighbours = (make_grant(who, role, ends_at=ends_at) for who in (ben, make_person("Carla Nunes")))
    elsewhere = make_grant(ben, by_proof(method, **(pool if method == "cognito" else {})), ends_at=ends_at)
    now = database_now()
    cut(make_grant(ben, role, state="revoked", ended_at=now), now)
    until = new_denied_until(mine, now)
    assert until is not None
    assert until - now > timedelta(seconds=60)

    def said(grant: Any, at: Any) -> str:
        return choice_of(grant, hub_is_chained=False, now=at).refused

    def issuing(grant: Any, at: Any) -> str:
        try:
            check_callable(grant, proof_of(grant), FakeAws().ports(), at)
        except BusyError as refusal:
            return str(refusal)
        return ""

    why = "were cut off a moment ago, and AWS would deny a new one, too: they have one name."
    last = until - timedelta(microseconds=1)
    for at in (now, last):
        assert said(mine, at).endswith(f"{why} Try again from {until:%Y-%m-%d %H:%M:%S} UTC on.")
        assert issuing(mine, at).startswith(said(mine, at).partition(" Try again")[0])
        assert not choice_of(mine, hub_is_chained=False, now=at).is_closed
    for grant, at in ((mine, until), (neighbours, now), (elsewhere, now)):
        assert (said(grant, at), issuing(grant, at)) == ("", "")
    _, steps = explain_refusal(grant_id=mine.pk, hub_is_chained=False, actor=as_actor(ben))
    step = next(each for each in steps if each.name == "call")
    assert (step.verdict, step.detail) == ("stopped", said(mine, now))


def test_a_user_that_is_defined_twice_is_one_user(ben: Any) -> None:
    role = make_role(method="session_token", allows_console=False)
    facts = {"account": role.account, "method": role.method, "allows_console": False}
    again = make_role(**facts, title="The same", name=role.name, unique_id=role.unique_id)
    other = make_role(**facts, title="Another", name="another", unique_id="AIDAANOTHER1234567890")
    now = database_now()
    cut(make_grant(ben, role, state="revoked", ended_at=now), now)
    waits = [new_denied_until(make_grant(ben, each), now) is not None for each in (role, again, other)]
    assert waits == [True, True, False]


def test_whom_no_other_session_is_named_as_waits_for_nothing(ben: Any) -> None:
    role, now = make_role(), database_now()
    cut(make_grant(ben, role, state="revoked", ended_at=now), now)
    assert explain(make_grant(ben, role)).refused == ""


def cut(grant: Any, at: Any) -> None:
    Revocation.objects.create(
        grant=grant,
        document=DenyDocument.objects.create(account=grant.role.account, kind="role", name=grant.role.name),
        userids=[deny_entry(grant.role, f"{grant.role.unique_id}:ben", at=at)],
        state="pending",
        asked_at=at,
        covers_until=at + HOUR,
        next_try_at=at,
    )


def proof_of(grant: Any) -> VerifiedProof:
    given = SamlProof("assertion") if grant.role.method == "saml" else TokenProof("token")
    return VerifiedProof(given, usual_provider().pk, "ben", "", grant.ends_at)


def test_the_doctor_says_the_same(ben: Any) -> None:
    grant = make_grant(ben)
    _, steps = explain_refusal(grant_id=grant.pk, hub_is_chained=False, actor=as_actor(ben))
    step = next(each for each in steps if each.name == "call")
    assert step.detail.startswith(explain(grant).why)
    short = make_grant(
        ben,
        make_role(
            method="root_task",
            root_task="S3UnlockBucketPolicy",
            name="root",
            allows_console=False,
            max_session_seconds=900,
        ),
        ends_at=database_now() + timedelta(seconds=30),
    )
    _, steps = explain_refusal(grant_id=short.pk, hub_is_chained=False, actor=as_actor(ben))
    assert next(each for each in steps if each.name == "call").verdict == "stopped"


def test_a_roles_sentence_needs_no_grant() -> None:
    assert "AssumeRole on ReadOnly" in role_sentence(make_role(), hub_is_chained=False)
    assert "An hour at most" in role_sentence(make_role(), hub_is_chained=True)


def test_a_user_that_federates_is_named() -> None:
    role = make_role(
        method="federation_token", name="federation", requires_scope=True, max_session_seconds=43_200
    )
    assert "GetFederationToken, called with the long-lived keys of the user federation" in role_sentence(
        role, hub_is_chained=False
    )
