"""By which call a grant's credentials are got, and why: the facts for `portal.access.choice`. Reads only."""

from datetime import datetime
from uuid import UUID

from brokers.ports import AwsPorts
from portal.access.choice import Choice, GrantFacts, choose
from portal.access.choice_calls import RoleFacts, how_it_is_got
from portal.access.models import AwsSession, Grant, UserKey
from portal.access.operations.credentials.account_hubs import hub_row, reached_as
from portal.access.operations.credentials.check_callable import new_denied_until, why_new_is_denied
from portal.access.operations.doctor.find_doctored import asker_of, find_grant
from portal.access.operations.doors import check_issuing_open
from portal.access.operations.grants.may_use import check_may_use, issued_until, what_ends
from portal.catalog.models import AccountHub, AwsRole
from portal.directory.vouching import counting_identities
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import DomainError
from portal.kernel.periods import utc_clock


def explain_choice(*, grant_id: UUID, aws: AwsPorts, actor: Actor) -> tuple[Grant, Choice]:
    """Return a grant and what is to say of its call, as it stands now.

    Raises:
        NotFoundError: no such grant, or not the actor's to know.
    """
    grant = find_grant(grant_id, asker_of(actor))
    return grant, choice_of(grant, hub_is_chained=aws.hub_is_chained, now=database_now())


def choice_of(grant: Grant, *, hub_is_chained: bool, now: datetime) -> Choice:
    """Explain a grant's call. `hub_is_chained`: the portal's own hub works on temporary credentials."""
    return choose(role_facts(grant.role, hub_is_chained=hub_is_chained), _grant_facts(grant, now))


def role_sentence(role: AwsRole, *, hub_is_chained: bool) -> str:
    """Say in a sentence or two which call gets a role's credentials, and why that one."""
    return how_it_is_got(role_facts(role, hub_is_chained=hub_is_chained))


def role_facts(role: AwsRole, *, hub_is_chained: bool) -> RoleFacts:
    """Return what is known of a role. AWS is not asked; its account's hub and `via` are looked up where need be."""
    row = hub_row(role.account)
    on_keys = not hub_is_chained if row is None else row.kind == AccountHub.Kind.KEYS
    return RoleFacts(
        method=role.method,
        name="The root user" if role.method == AwsRole.Method.ROOT_TASK else role.name,
        account=role.account.name,
        max_session=role.max_session,
        is_role=role.is_role,
        needs_proof=role.needs_proof,
        allows_console=role.allows_console,
        has_kill_switch=role.has_kill_switch,
        via=role.via.name if role.via else "",
        hub=reached_as(role.account),
        hub_has_keys=on_keys,
        is_chained=role.via_id is not None or not on_keys,
        vouched_by=role.vouched_by.name if role.vouched_by else "",
        trusts_provider=bool(role.provider_arn),
        identity_pool=bool(role.identity_pool_id),
        root_task=role.get_root_task_display() if role.root_task else "",
    )


def _grant_facts(grant: Grant, now: datetime) -> GrantFacts:
    scope = grant.scope_summary if grant.scope_policy is not None or grant.scope_managed_policy_arns else ""
    if grant.role.is_made_for_partner:
        return GrantFacts(remaining=None, scope=scope)
    try:
        check_issuing_open(now)
        vouched = check_may_use(grant, _kind(grant.role), _holder(grant), now)
    except DomainError as refusal:
        return GrantFacts(remaining=None, closed=str(refusal), scope=scope)
    ends_at = issued_until(grant, now, vouched=vouched)
    return GrantFacts(
        remaining=ends_at - now,
        end=what_ends(grant, ends_at, now, vouched=vouched),
        ends_words=utc_clock(ends_at),
        scope=scope,
        stops=_lacks(grant) or _waits(grant, now),
    )


def _kind(role: AwsRole) -> AwsSession.Kind:
    return AwsSession.Kind.CREDENTIALS if role.allows_credentials else AwsSession.Kind.CONSOLE


def _holder(grant: Grant) -> Actor:
    """Whoever looks: it is said of the grant's own person."""
    return Actor(kind=ActorKind.SYSTEM, label="choice", person_id=grant.person_id)


def _waits(grant: Grant, now: datetime) -> str:
    """Say from when on it works again, by the rule that issuing asks; empty: it does now."""
    until = new_denied_until(grant, now)
    return f"{why_new_is_denied(grant)} Try again from {utc_clock(until)} on." if until else ""


def _lacks(grant: Grant) -> str:
    """Say what the grant's person lacks that the call takes along; empty: nothing."""
    role = grant.role
    if role.method == AwsRole.Method.SESSION_TOKEN:
        if UserKey.objects.filter(role=role, person=grant.person_id).exists():
            return ""
        return f"Which MFA device belongs to the IAM user {role.name} is not known yet: enter it under 'My IAM users'."
    if role.vouched_by is None or grant.person_id is None:
        return ""
    if counting_identities(grant.person_id).filter(provider=role.vouched_by).exists():
        return ""
    return f"{role.vouched_by.name} vouches for this role, and {grant.subject_name} has no identity there."
