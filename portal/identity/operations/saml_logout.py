"""Single logout (saml-profiles-2.0-os, 4.4): out there when somebody signs out here, and the other way round."""

import logging
import secrets
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from brokers.errors import BrokerError
from brokers.ports import SamlMetadataReader, SamlServiceProvider
from brokers.types import SamlLogoutAnswer, SamlLogoutRequest, SamlMessage
from portal.directory.models import IdentityProvider, SignIn
from portal.identity.identity_providers import as_saml
from portal.identity.operations.complete_sign_in import Once, remember
from portal.identity.operations.end_sign_ins import end_sign_ins
from portal.identity.operations.refusing import SignInRefusedError, record_refused_sign_in, refused
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoggedOutThere:
    """What a provider answered when somebody was signed out here."""

    provider: IdentityProvider
    answer: SamlLogoutAnswer


def begin_saml_logout(*, sign_in: SignIn, saml: SamlServiceProvider, read: SamlMetadataReader) -> str | None:
    """Return where to send the browser to be signed out there too; None where that is not offered.

    Never raises for the provider's faults: the session here has ended already, and that is what counts.
    """
    identity = sign_in.identity
    try:
        return saml.begin_logout(
            as_saml(identity.provider, read),
            name_id=identity.subject,
            name_id_format=identity.subject_format,
            session_index=sign_in.session_ref,
            relay_state=partial(_relay_state, identity.provider_id),
        )
    except BrokerError as problem:
        log.warning("nobody is signed out at %s: %s", identity.provider.slug, problem)
        return None


def read_saml_logout_answer(
    *, message: SamlMessage, saml: SamlServiceProvider, read: SamlMetadataReader, actor: Actor
) -> LoggedOutThere:
    """Verify what a provider answered to our own request.

    Raises:
        SignInRefusedError: with the one reason; an audit row is written for each.
    """
    provider: IdentityProvider | None = None
    try:
        provider = _provider_of(message, saml)
        answer, request_id, relay_state = saml.read_logout_answer(
            as_saml(provider, read), message, at=database_now()
        )
        _check_asked(provider, request_id, relay_state)
    except (BrokerError, SignInRefusedError) as problem:
        raise _recorded(problem, provider, actor) from None
    return LoggedOutThere(provider, answer)


def end_by_saml_logout(
    *, message: SamlMessage, saml: SamlServiceProvider, read: SamlMetadataReader, actor: Actor
) -> str | None:
    """End exactly the sign-ins that a provider's LogoutRequest is about, by SessionIndex where it names any. Once.

    Returns where to send the browser with the answer; None where the provider says no address for it.

    Raises:
        SignInRefusedError: with the one reason; an audit row is written for each.
    """
    provider: IdentityProvider | None = None
    try:
        provider = _provider_of(message, saml)
        idp = as_saml(provider, read)
        request = saml.read_logout_request(idp, message, at=database_now())
        by = replace(actor, kind=ActorKind.SYSTEM, label=f"log-out at {provider.slug}", person_id=None)
        with transaction.atomic():
            remember(provider, Once(request.request_id, request.valid_until))
            end_sign_ins(_meant(provider, request), why="signed out there", actor=by)
    except (BrokerError, SignInRefusedError) as problem:
        raise _recorded(problem, provider, actor) from None
    return saml.answer_logout(idp, request)


def _meant(provider: IdentityProvider, request: SamlLogoutRequest) -> QuerySet[SignIn]:
    sign_ins = SignIn.objects.filter(
        identity__provider=provider,
        identity__subject=request.name_id,
        identity__subject_format=request.name_id_format,
    )
    if not request.session_indexes:
        return sign_ins
    return sign_ins.filter(session_ref__in=[index[:256] for index in request.session_indexes])


def _provider_of(message: SamlMessage, saml: SamlServiceProvider) -> IdentityProvider:
    """Return whose the message says that it is: by its keys it is verified. One that is switched off may end, too."""
    issuer = saml.claimed_logout_issuer(message)
    provider = (
        IdentityProvider.objects.select_related("saml")
        .filter(saml__entity_id=issuer, kind=IdentityProvider.Kind.SAML)
        .first()
    )
    if provider is None:
        raise SignInRefusedError("saml.issuer", f"a log-out message of {issuer!a}")
    return provider


def _relay_state(provider_id: UUID, request_id: str) -> str:
    """Return what only the portal can have made for this request: it needs to remember nothing to know its answer."""
    return salted_hmac("saml log-out", f"{provider_id} {request_id}", algorithm="sha256").hexdigest()


def _check_asked(provider: IdentityProvider, request_id: str, relay_state: str) -> None:
    if not secrets.compare_digest(relay_state.encode(), _relay_state(provider.pk, request_id).encode()):
        raise SignInRefusedError("saml.in_response_to", "an answer to a request that was never made")


def _recorded(
    problem: BrokerError | SignInRefusedError, provider: IdentityProvider | None, actor: Actor
) -> SignInRefusedError:
    refusal = refused(problem) if isinstance(problem, BrokerError) else problem
    refusal.detail = f"log-out message: {refusal.detail}"
    record_refused_sign_in(refusal=refusal, provider=provider, actor=actor)
    return refusal
