"""A partner's own AWS account on its pages: its ExternalIds, and what AWS answered when they were proven."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from portal.access.lifecycle import ProofKind, ProofState
from portal.access.models import ExternalId, ExternalIdProof
from portal.directory.models import PartnerAccount
from portal.web.partner_lines import Clock
from portal.web.presenters import AccountLabel, Badge
from portal.web.presenters.partners import ExternalIdView, PartnerAccountView, ProofStep, ProofView
from portal.web.presenters.providers import CopyField

KINDS = {
    ProofKind.ONBOARDING: "First proof",
    ProofKind.ROTATION: "After a rotation",
    ProofKind.WINDOW_OVER: "The old one is over",
}
STATES = {
    ProofState.ASKED: Badge("Being proven", "wait", "hourglass"),
    ProofState.PROVEN: Badge("Proven", "live", "check"),
    ProofState.FAILED: Badge("Not proven", "danger", "alert"),
}
WORDS = {
    ProofState.ASKED: "AWS is being asked by real calls, on a role without permissions.",
    ProofState.PROVEN: "AWS let in who must get in, and kept out everybody else.",
    ProofState.FAILED: "AWS did not answer as it must: no role is made there until it does.",
}
NOT_ASKED = Badge("Proven with the first grant", "quiet", "clock")
OPEN, CLOSED = Badge("Open", "live", "check"), Badge("Closed", "quiet", "stop")
CURRENT = Badge("Current", "live", "check")
ACCEPTED = Badge("Still accepted", "wait", "hourglass")
REFUSED = Badge("Refused", "quiet", "ban")
AS_EXPECTED, OTHERWISE = (
    Badge("As it must be", "live", "check"),
    Badge("Not as it must be", "danger", "alert"),
)
SHOWN_PROOFS = 6


def account_view(account: PartnerAccount, clock: Clock) -> PartnerAccountView:
    """Return what the pages show; the rows' `external_ids` and `proofs` are read with them."""
    external_ids, proofs = list(account.external_ids.all()), list(account.proofs.all())
    current = next((each for each in external_ids if each.accepted_until is None), None)
    return PartnerAccountView(
        id=str(account.pk),
        label=AccountLabel(account.name, account.account_id),
        partition=account.partition,
        badge=OPEN if account.is_open else CLOSED,
        added=clock.moment(account.added_at),
        is_open=account.is_open,
        closed=clock.moment(account.closed_at) if account.closed_at else None,
        external_ids=tuple(_external_id(each, clock) for each in external_ids),
        proofs=tuple(proof_view(proof, clock) for proof in proofs[:SHOWN_PROOFS]),
        proof_badge=_proof_badge(current, proofs),
    )


def proof_view(proof: ExternalIdProof, clock: Clock) -> ProofView:
    state = ProofState(proof.state)
    return ProofView(
        kind=KINDS[ProofKind(proof.kind)],
        badge=STATES[state],
        where=AccountLabel(proof.account.name, proof.account.account_id),
        asked=clock.moment(proof.asked_at),
        words=WORDS[state],
        steps=tuple(_step(step, clock) for step in proof.steps),
        done=clock.moment(proof.done_at) if proof.done_at else None,
        last_error=proof.last_error if state != ProofState.PROVEN else "",
    )


def _external_id(row: ExternalId, clock: Clock) -> ExternalIdView:
    badge, label = CURRENT, "ExternalId"
    if row.accepted_until is not None:
        label = "The old ExternalId"
        badge = ACCEPTED if clock.now < row.accepted_until else REFUSED
    return ExternalIdView(
        field=CopyField(f"external-id-{row.pk}", label, str(row.value)),
        badge=badge,
        made=clock.moment(row.made_at),
        until=clock.moment(row.accepted_until) if row.accepted_until else None,
    )


def _proof_badge(current: ExternalId | None, proofs: Sequence[ExternalIdProof]) -> Badge:
    """Say how the current ExternalId stands: the newest proof of it in each place, the worst of these."""
    newest: dict[object, str] = {}
    for proof in proofs:
        if current is not None and proof.external_id_id == current.pk:
            newest.setdefault(proof.account_id, proof.state)
    for state in (ProofState.FAILED, ProofState.ASKED, ProofState.PROVEN):
        if state.value in newest.values():
            return STATES[state]
    return NOT_ASKED


def _step(step: Mapping[str, Any], clock: Clock) -> ProofStep:
    at = parse_datetime(str(step.get("at", "")))
    return ProofStep(
        what=str(step.get("what", "")),
        expected=str(step.get("expected", "")),
        answer=str(step.get("answer", "")),
        badge=AS_EXPECTED if step.get("is_ok") else OTHERWISE,
        moment=clock.moment(at) if isinstance(at, datetime) else None,
    )
