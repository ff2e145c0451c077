"""Repair differences with AWS, chosen from a report, by the operations and the engine: nothing is written to AWS here.

1. With no transaction open AWS is asked again for the roles and users concerned.
2. Under the lock of each one's document the comparison is made anew; what is not so any more is refused.
3. In the same transaction the repair is made. Where AWS must be written a worker does it; in hold, after its release.

The next writing of a document lifts each deny there that the portal does not know. So what AWS knows better is taken
over first, and all of it: until then nothing else of that document is repaired.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import transaction

from brokers.ports import AwsPorts
from portal.access.differences import Difference, Principal, Remedy
from portal.access.models import DenyDocument
from portal.access.operations.drift.ask_principals import Look, ask_aws
from portal.access.operations.drift.beliefs import Believed, read_beliefs
from portal.access.operations.drift.find_differences import compare_with, is_settled
from portal.access.operations.drift.remedies import make_repair
from portal.access.operations.permissions import check_may_revoke_any
from portal.access.operations.running.hold import is_held
from portal.catalog.models import AwsAccount
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import DomainError

NOT_SO = "It is not so any more."
BUSY = "A worker is writing there just now: look again in a moment."
NOT_ALL = (
    "AWS denies more there that is not known here ({n}). Take over all of it together: "
    "the next writing lets in again whatever is not."
)


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was repaired, and what was not and why, by the difference's key."""

    done: Mapping[str, Difference]
    refused: Mapping[str, str]


def repair_differences(*, chosen: Collection[Difference], actor: Actor, aws: AwsPorts) -> Repaired:
    """Repair those of `chosen` that are still so. Each is done or refused for itself.

    Raises:
        ForbiddenError: the actor may not revoke.
    """
    check_may_revoke_any(actor, "Only somebody who may revoke can repair a difference with AWS.")
    accounts = AwsAccount.objects.in_bulk(
        {each.principal.account for each in chosen}, field_name="account_id"
    )
    principals = {
        each.principal: accounts[each.principal.account]
        for each in chosen
        if each.principal.name and each.principal.account in accounts
    }
    before = read_beliefs(principals, aws, at=database_now())
    look = ask_aws(principals, aws)
    done: dict[str, Difference] = {}
    refused: dict[str, str] = {}
    for principal in sorted({each.principal for each in chosen}):
        keys = {each.key for each in chosen if each.principal == principal}
        if principal not in look.shown:
            refused |= dict.fromkeys(keys, _why_not_shown(principal, look))
            continue
        here = Look({principal: look.shown[principal]}, {}, look.policies)
        try:
            with transaction.atomic():
                outcome = _repair_there(here, principals[principal], before[principal], keys, aws, actor)
        except DomainError as refusal:  # nothing was done there
            outcome = Repaired({}, dict.fromkeys(keys, str(refusal)))
        done |= outcome.done
        refused |= outcome.refused
    return Repaired(done, refused)


def _repair_there(  # noqa: PLR0913, PLR0917  # all that was known before the lock
    look: Look, account: AwsAccount, before: Believed, keys: Collection[str], aws: AwsPorts, actor: Actor
) -> Repaired:
    """In the caller's transaction: lock, compare anew, and repair what is still so of one role or user."""
    [principal] = look.shown
    documents = DenyDocument.objects.filter(account=account, kind=principal.kind.value, name=principal.name)
    list(documents.select_for_update(no_key=True).values_list("pk"))
    believed, found = compare_with(look, {principal: account}, aws)
    if not is_settled(before, believed[principal]):
        return Repaired({}, dict.fromkeys(keys, BUSY))
    refused = {key: NOT_SO for key in keys if key not in found[principal]}
    chosen = [each for key, each in found[principal].items() if key in keys]
    left = [each for key, each in found[principal].items() if each.remedy.adopts and key not in keys]
    done = {}
    for each in sorted(chosen, key=lambda each: not each.remedy.adopts):
        if each.remedy == Remedy.NONE:
            refused[each.key] = each.repair
        elif left and (each.remedy.writes_aws or not is_held()):
            refused[each.key] = NOT_ALL.format(n=len(left))
        else:
            make_repair(each, account=account, look_at_once=not left, actor=actor)
            done[each.key] = each
    if done:
        outbox.post("access.difference.repaired", at=database_now(), count=str(len(done)))
    return Repaired(done, refused)


def _why_not_shown(principal: Principal, look: Look) -> str:
    why = look.unasked.get(str(principal)) or next(iter(look.unasked.values()), "")
    return f"AWS did not answer: {why}" if why else "There is nothing of the portal's there to repair."
