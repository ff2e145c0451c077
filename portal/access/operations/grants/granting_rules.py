"""The rules that hold for every grant, when it is made and when it is extended; asked under the people's locks."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import Scope
from portal.access.models import Grant
from portal.access.policy import contract_refusal, window_refusal
from portal.catalog.models import AwsRole
from portal.directory.models import Partner, PartnerAccount, Person
from portal.kernel.actor import Actor
from portal.kernel.errors import ForbiddenError, InvalidError

# A form that says 'now' arrives a moment later; further back is a mistake.
LATE_START = timedelta(minutes=15)


def whole_second(moment: datetime, *, field: str) -> datetime:
    """Return the moment cut to its second, as IAM's dates know no smaller part. InvalidError without a zone."""
    check_zoned(moment, field=field)
    return moment.replace(microsecond=0)


def check_zoned(moment: datetime, *, field: str) -> None:
    if moment.utcoffset() is None:
        raise InvalidError("A time needs its zone, such as 2026-05-06T18:00:00Z.", field=field)


def lock_people(person_id: UUID, actor: Actor) -> Mapping[UUID, Person]:
    """Lock who gets and who gives, then the partner of who gets: nobody loses a right, or is suspended, meanwhile.

    People in the order of ids, and the keys not at all: two admins who grant to each other don't block. Whoever
    locks grants as well does so after this: a suspension takes its locks in the same order.
    """
    ids = [person_id, actor.owner_id]
    list(Person.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    partner = Partner.objects.select_for_update(no_key=True, of=("self",)).filter(people=person_id)
    list(partner.values_list("pk"))
    return Person.objects.select_related("partner").in_bulk(ids)


def lock_partner_account(partner_account_id: UUID, actor: Actor) -> PartnerAccount | None:
    """Lock who gives, then the partner that gets, and its account; return that. None: there is none.

    In the order of `lock_people`: the partner is not suspended, nor its account closed, meanwhile.

    Raises:
        ForbiddenError: the actor may not grant.
    """
    list(Person.objects.select_for_update(no_key=True).filter(pk=actor.owner_id).values_list("pk"))
    granter = Person.objects.filter(pk=actor.owner_id).first()
    if not actor.is_trusted and (granter is None or not granter.may("access.make_grant")):
        raise ForbiddenError("Only an admin can grant access.")
    partner = Partner.objects.select_for_update(no_key=True, of=("self",))
    list(partner.filter(aws_accounts=partner_account_id).values_list("pk"))
    accounts = PartnerAccount.objects.select_for_update(no_key=True, of=("self",))
    list(accounts.filter(pk=partner_account_id).values_list("pk"))
    return PartnerAccount.objects.select_related("partner").filter(pk=partner_account_id).first()


def find_account(account: PartnerAccount | None) -> PartnerAccount:
    """Return the partner's account where it may be given anything."""
    if account is None:
        raise InvalidError("Choose an AWS account of the partner's.", field="partner_account")
    if not account.is_open:
        raise InvalidError(
            "This account of the partner's was closed: choose another.", field="partner_account"
        )
    if account.partner.suspended_at is not None:
        raise InvalidError(f"{account.partner.name} is suspended: it gets nothing.", field="partner_account")
    return account


def check_may_grant(person_id: UUID, actor: Actor, people: Mapping[UUID, Person]) -> None:
    if actor.is_trusted:
        return
    granter = people.get(actor.owner_id)
    if granter is None or not granter.may("access.make_grant"):  # which nobody inactive has
        raise ForbiddenError("Only an admin can grant access.")
    if granter.pk == person_id:
        raise ForbiddenError("Nobody grants access to themselves: ask another admin.")


def find_recipient(person_id: UUID, people: Mapping[UUID, Person]) -> Person:
    person = people.get(person_id)
    if person is None or not person.is_active:
        raise InvalidError("Choose a person who is active.", field="person")
    if person.partner is not None and person.partner.suspended_at is not None:
        raise InvalidError(f"{person.partner.name} is suspended: its people get nothing.", field="person")
    return person


def find_role(role_id: UUID, *, accepts_no_kill_switch: bool) -> AwsRole:
    role = AwsRole.objects.select_related("account").filter(pk=role_id, is_enabled=True).first()
    if role is None or role.is_made_for_partner:
        raise InvalidError("Choose a role that is enabled.", field="role")
    if not role.has_kill_switch and not accepts_no_kill_switch:
        raise InvalidError(
            "No kill switch: the portal can write no deny to this role, so its sessions could not be cut off. "
            "Whoever grants it must accept that.",
            field="accepts_no_kill_switch",
        )
    return role


def check_root_task(role: AwsRole, *, is_taken: bool) -> None:
    """An account's root can do what nothing else can: a second person grants it, and each use asks for a factor."""
    if role.method != AwsRole.Method.ROOT_TASK:
        return
    if is_taken:
        raise ForbiddenError(
            "A root task is granted by somebody else each time: nobody takes it by themselves."
        )
    if not role.factor_minutes:
        raise InvalidError(
            "A root task asks for a fresh second factor: an admin must set its minutes on the role first.",
            field="role",
        )


def check_period(partner: Partner | None, starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    # Judged by whole seconds, as the end is: a minute from now is a minute.
    refused = window_refusal(starts_at.replace(microsecond=0), ends_at, now=now)
    if refused is None and partner is not None:
        refused = contract_refusal(
            starts_at,
            ends_at,
            contract_starts_at=partner.contract_starts_at,
            contract_ends_at=partner.contract_ends_at,
        )
    if refused is not None:
        raise InvalidError(refused[1], field=refused[0])


def checked_start(starts_at: datetime | None, now: datetime) -> datetime:
    if starts_at is None or now - LATE_START <= starts_at <= now:
        return now
    if starts_at < now:
        raise InvalidError("This start has passed already; leave it empty to start now.", field="starts_at")
    return starts_at


def checked_purpose(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise InvalidError("Say what the access is for.", field="reason")
    return reason


def check_clean(grant: Grant) -> None:
    """Ask the fields' own rules. The rows that it names were read a moment ago, and the constraints are the database's.

    Django would ask for each of them by a query of its own: as many as all else that a grant takes.
    """
    rows = {field.name for field in grant._meta.fields if field.is_relation}  # noqa: SLF001  # documented model API
    try:
        grant.full_clean(exclude=rows, validate_unique=False, validate_constraints=False)
    except ValidationError as problem:
        field, messages = next(iter(problem.message_dict.items()))
        raise InvalidError(" ".join(messages), field=field) from None


def scope_of(grant: Grant) -> Scope:
    return Scope(policy=grant.scope_policy, managed_policy_arns=tuple(grant.scope_managed_policy_arns))


def check_sendable(grant: Grant, aws: AwsPorts) -> None:
    try:
        aws.check_scope(scope_of(grant), grant.ends_at)
    except BrokerError as problem:
        raise InvalidError(f"This scope can't be sent to AWS: {problem}.", field="scope_template") from None
