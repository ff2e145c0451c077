"""Passkeys (WebAuthn Level 3): a key that never leaves its device, and signs for this portal's address alone.

The browser's answer is judged by py_webauthn; what counts here is that user verification is required (a passkey is
used as second factor by its holder, not by whoever holds the device), that a challenge counts once, and whose it is.
"""

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from django.conf import settings
from django.db import IntegrityError, transaction
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import (
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from portal.audit.events import EventType
from portal.directory.models import Passkey, Person
from portal.identity.operations.factors import (
    FactorRefusedError,
    GivenFactor,
    check_may_change,
    checked_name,
    lock_person,
    record_factor,
    refusals_recorded,
)
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError

KIND = "passkey"
NAME = "Sallyport"
LONGEST_ANSWER = 20_000
WRONG = "That passkey could not be accepted. Try again, or use another way."
# What a browser may send instead of an answer, and what comes of it in the library.
UNREADABLE = (WebAuthnException, InvalidSignature, ValueError, TypeError, KeyError, RecursionError)
# The library tells the one reason in words alone; the tests hold these.
REASONS = (
    ("challenge", "challenge"),
    ("client data origin", "origin"),
    ("RP ID", "rp_id"),
    ("verification is required", "not_verified"),
    ("sign count", "sign_count"),
    ("signature", "signature"),
    ("client data type", "kind"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the browser is asked for. The challenge is kept on the server, and counts once."""

    options: str
    challenge: bytes = field(repr=False)


def rp_id() -> str:
    """Return the relying party's id: the host of PORTAL_URL (WebAuthn, 5.1.2)."""
    return urlsplit(settings.PORTAL_URL).hostname or "localhost"


def own_origin() -> str:
    told = urlsplit(settings.PORTAL_URL)
    standard = {"https": 443, "http": 80}.get(told.scheme)
    port = "" if told.port in {None, standard} else f":{told.port}"
    return f"{told.scheme}://{rp_id()}{port}"


def passkeys_work() -> bool:
    """Whether browsers let passkeys be made for this address: for a name, and over TLS or on this machine."""
    host = rp_id()
    try:
        ip_address(host)
    except ValueError:
        return settings.PORTAL_URL.startswith("https://") or host == "localhost"
    return False


def begin_passkey(*, person: Person) -> Asked:
    """Ask the browser to make a passkey; none on a device that has one of this person's."""
    asked = generate_registration_options(
        rp_id=rp_id(),
        rp_name=NAME,
        user_id=person.pk.bytes,
        user_name=person.email or person.name,
        user_display_name=person.name,
        exclude_credentials=_descriptors(person),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return Asked(options_to_json(asked), asked.challenge)


def ask_passkey(*, person: Person) -> Asked:
    """Ask the browser to sign with one of the person's passkeys."""
    asked = generate_authentication_options(
        rp_id=rp_id(),
        allow_credentials=_descriptors(person),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Asked(options_to_json(asked), asked.challenge)


def add_passkey(*, person: Person, name: str, answer: str, challenge: bytes, actor: Actor) -> Passkey:
    """Keep the passkey that the browser made to `challenge`, which the caller has used up.

    Raises:
        InvalidError: the answer can't be accepted, or the name is taken.
        ForbiddenError: not just now proven, see `check_may_change`.
    """
    check_may_change(person, actor=actor)
    credential, made = _registered(answer, challenge)
    try:
        with transaction.atomic():
            lock_person(person)
            name = checked_name(name, list(person.passkeys.values_list("name", flat=True)))
            passkey = Passkey.objects.create(
                person=person,
                name=name,
                credential_id=made.credential_id,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                transports=[told.value for told in credential.response.transports or []],
                created_at=database_now(),
            )
            record_factor(EventType.FACTOR_ADDED, person, actor, factor=KIND, id=str(passkey.pk), name=name)
    except IntegrityError:
        raise InvalidError("This passkey was added already.", field="answer") from None
    return passkey


def verify_passkey(*, person: Person, answer: str, challenge: bytes, actor: Actor) -> GivenFactor:
    """Take what the browser signed to `challenge`, which the caller has used up.

    Raises:
        FactorRefusedError: with the one reason; each leaves an audit row.
    """
    with refusals_recorded(person, KIND, actor), transaction.atomic():
        credential = _read(answer)
        passkey = Passkey.objects.filter(credential_id=credential.raw_id).first()
        if passkey is None:
            raise FactorRefusedError("unknown", WRONG)
        handle = credential.response.user_handle
        if passkey.person_id != person.pk or handle not in {None, b"", person.pk.bytes}:
            raise FactorRefusedError("somebody_else", WRONG)
        verified = _verified(credential, passkey, challenge)
        now = database_now()
        # Of two answers at once, one counts: the other's count is not what it was judged by.
        unchanged = Passkey.objects.filter(pk=passkey.pk, sign_count=passkey.sign_count)
        if not unchanged.update(sign_count=verified.new_sign_count, last_used_at=now):
            raise FactorRefusedError("sign_count", WRONG)
        record_factor(
            EventType.FACTOR_GIVEN, person, actor, factor=KIND, id=str(passkey.pk), name=passkey.name
        )
    return GivenFactor(f"{KIND}: {passkey.name}", now)


def _descriptors(person: Person) -> list[PublicKeyCredentialDescriptor]:
    known = {transport.value for transport in AuthenticatorTransport}
    return [
        PublicKeyCredentialDescriptor(
            id=bytes(passkey.credential_id),
            transports=[AuthenticatorTransport(told) for told in passkey.transports if told in known],
        )
        for passkey in person.passkeys.all()
    ]


def _registered(answer: str, challenge: bytes) -> tuple[RegistrationCredential, VerifiedRegistration]:
    try:
        if len(answer) > LONGEST_ANSWER:
            raise ValueError("too long")
        if not challenge:
            raise ValueError("nothing was asked")
        credential = parse_registration_credential_json(answer)
        return credential, verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=rp_id(),
            expected_origin=own_origin(),
            require_user_presence=True,
            require_user_verification=True,
        )
    except UNREADABLE:
        raise InvalidError(
            "That passkey could not be accepted: it must check who you are, by a fingerprint or a PIN.",
            field="answer",
        ) from None


def _read(answer: str) -> AuthenticationCredential:
    try:
        if len(answer) > LONGEST_ANSWER:
            raise ValueError("too long")
        credential = parse_authentication_credential_json(answer)
        told = parse_client_data_json(credential.response.client_data_json)
    except UNREADABLE:
        raise FactorRefusedError("malformed", WRONG) from None
    # A page of another site that shows ours in a frame; ours can't be framed, so this is none of ours.
    if told.cross_origin:
        raise FactorRefusedError("cross_origin", WRONG)
    return credential


def _verified(
    credential: AuthenticationCredential, passkey: Passkey, challenge: bytes
) -> VerifiedAuthentication:
    if not challenge:
        # Used up, or never asked: an answer to no question would be right.
        raise FactorRefusedError("challenge", WRONG)
    try:
        return verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=rp_id(),
            expected_origin=own_origin(),
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except UNREADABLE as problem:
        told = str(problem)
        reason = next((reason for words, reason in REASONS if words in told), "malformed")
        raise FactorRefusedError(reason, WRONG) from None
