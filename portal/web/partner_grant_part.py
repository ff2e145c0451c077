"""On the page of a grant to a partner's AWS account: how its role stands, and what the partner needs to use it."""

from django.urls import reverse

from portal.access.lifecycle import PartnerRoleState
from portal.access.models import Grant
from portal.access.operations.partners.external_ids import accepted_external_ids
from portal.access.operations.partners.proofs import proof_of
from portal.access.partner_queries import current_external_id
from portal.directory.models import PartnerAccount, Person
from portal.web.now_lines import fingerprint
from portal.web.partner_account_part import proof_view
from portal.web.partner_doors import sees_partners
from portal.web.partner_lines import Clock
from portal.web.partner_roles import role_of, role_state
from portal.web.presenters import AccountLabel
from portal.web.presenters.partner_grants import PartnerPart
from portal.web.presenters.partners import ProofView
from portal.web.presenters.providers import CopyField


def partner_part(grant: Grant, person: Person, clock: Clock) -> PartnerPart | None:
    """Return it for a grant to a partner's account; None for every other. ExternalIds are for who may see partners."""
    role, account = role_of(grant), grant.partner_account
    if role is None or account is None:
        return None
    state = role_state(role, now=clock.now, zone=clock.zone)
    sees = sees_partners(person)
    waits = role.state == PartnerRoleState.MAKING
    proof = _proof(account, grant, clock) if waits else None
    is_over = grant.ended_at is not None or clock.now >= grant.ends_at
    told = (state.fingerprint, proof.badge if proof else None, len(proof.steps) if proof else 0)
    return PartnerPart(
        grant_id=str(grant.pk),
        partner=account.partner.name,
        slug=account.partner.slug,
        account_id=str(account.pk),
        account=AccountLabel(account.name, account.account_id),
        principal_arn=role.principal_arn,
        whole_account=role.principal_arn.endswith(":root"),
        external_ids=_external_ids(account, clock) if sees and not is_over else (),
        state=state,
        proof=proof,
        waits_for_proof=waits and (proof is None or proof.done is None or proof.badge.tone == "danger"),
        sees_partner=sees,
        hand_over=reverse("web:company-grant", args=[grant.pk]) if sees and not is_over else "",
        fingerprint=fingerprint(told),
    )


def _proof(account: PartnerAccount, grant: Grant, clock: Clock) -> ProofView | None:
    current = current_external_id(account.pk)
    proof = proof_of(current.pk, grant.role.account_id) if current else None
    return proof_view(proof, clock) if proof else None


def _external_ids(account: PartnerAccount, clock: Clock) -> tuple[CopyField, ...]:
    return tuple(
        CopyField(
            f"external-id-{number}",
            "ExternalId" if each.until is None else "The old ExternalId",
            each.value,
            f"Accepted until {clock.moment(each.until).clock}." if each.until else "",
        )
        for number, each in enumerate(accepted_external_ids(account.pk, at=clock.now))
    )
