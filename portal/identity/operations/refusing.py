"""Nobody was signed in: one error for all ways in, and its row in the audit trail."""

import logging

from django.db import transaction

from brokers.errors import BrokerError, IdentityUnavailable
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.directory.models import IdentityProvider
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import DomainError, ForbiddenError, UpstreamError

log = logging.getLogger(__name__)


class SignInRefusedError(ForbiddenError):
    """Nobody was signed in. The reason is for the auditor; the page says only what to do next."""

    code = "sign_in_refused"

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__("Signing in didn't work. Start again from the sign-in page.")
        self.reason = reason
        self.detail = detail


def refused(problem: BrokerError) -> SignInRefusedError:
    return SignInRefusedError(problem.code, getattr(problem, "detail", "") or str(problem))


def unavailable(provider: IdentityProvider, problem: IdentityUnavailable) -> UpstreamError:
    """Write down why, and return what to say of it. It says nothing about anybody."""
    log.warning("%s can't be asked: %s", provider.slug, problem)
    return UpstreamError(
        f"{provider.name} can't be reached right now; try again in a few minutes. Nothing is wrong with your account.",
        upstream_code=problem.code,
        retryable=True,
    )


def record_refused_sign_in(*, refusal: DomainError, provider: IdentityProvider | None, actor: Actor) -> None:
    """Write one refusal to the audit trail, with its reason for the auditor."""
    with transaction.atomic():
        record(
            Entry(
                type=EventType.SIGN_IN_REFUSED,
                at=database_now(),
                actor=actor,
                outcome=Outcome.REFUSED,
                details={
                    "provider": provider.slug if provider else "",
                    "reason": getattr(refusal, "reason", refusal.code),
                    "detail": getattr(refusal, "detail", str(refusal))[:300],
                },
            )
        )
