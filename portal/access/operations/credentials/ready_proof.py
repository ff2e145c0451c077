"""Make a proof that came along ready for its call: verified, and of the grant's own person.

Who can verify it registers here: who somebody proves to be is not this room's to know.
"""

import re
from collections.abc import Callable
from datetime import datetime

from django.db import IntegrityError, transaction

from portal.access.models import AwsSession, Grant, UsedProof, UserKey
from portal.access.operations.refusals import refusals_recorded
from portal.access.proofs import (
    MfaProof,
    Proof,
    ProofNeededError,
    ProofRefusedError,
    ReadyKey,
    ReadyProof,
    SamlProof,
    TokenProof,
    VerifiedProof,
)
from portal.catalog.models import AwsRole
from portal.directory.models import ExternalIdentity
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, InvalidError
from portal.kernel.sealing import UnsealError, unseal

# Given a role and what claims to open it; raises ProofRefusedError, or UpstreamError where its keys can't be had.
Verifier = Callable[[AwsRole, SamlProof | TokenProof], VerifiedProof]
_verifiers: list[Verifier] = []
_CODE = re.compile(r"[0-9]{6}", re.ASCII)
_KEY_ID = re.compile(r"AKIA[A-Z0-9]{12,124}", re.ASCII)
_SECRET_LENGTHS = range(16, 129)
# What each call takes along: the kind of proof, the field that names it in forms and the API, and what it is.
NEEDS: dict[str, tuple[type[Proof], str, str]] = {
    AwsRole.Method.SAML: (SamlProof, "assertion", "a SAML assertion for AWS"),
    AwsRole.Method.WEB_IDENTITY: (TokenProof, "id_token", "an ID token"),
    AwsRole.Method.COGNITO: (TokenProof, "id_token", "an ID token"),
    AwsRole.Method.SESSION_TOKEN: (MfaProof, "mfa_code", "the code of your MFA device"),
}


def register(verifier: Verifier) -> None:
    _verifiers.append(verifier)


def ready_proof(*, own: Grant | None, proof: Proof | None, actor: Actor) -> ReadyProof | None:
    """Verify what came along; the same for what was verified already. Not to be called in a transaction.

    Raises:
        ProofNeededError: of another kind than the role's call takes.
        ProofRefusedError: it is not valid, for another role, or somebody else's.
        InvalidError: the MFA code or key can't be one.
    """
    if proof is None or own is None:
        return None
    with refusals_recorded(grant_id=own.pk, kind=AwsSession.Kind.CREDENTIALS.value, actor=actor):
        return _ready(own, proof)


def verify_proof(role: AwsRole, proof: SamlProof | TokenProof) -> VerifiedProof:
    """Verify a proof for a role: whose it is, the caller finds out.

    Raises:
        ProofRefusedError: with the one reason, for the audit trail.
    """
    if not _verifiers:
        raise ProofRefusedError("nobody_verifies")
    verified = _verifiers[0](role, proof)
    if role.method == AwsRole.Method.SAML and (role.arn, role.provider_arn) not in verified.roles:
        raise ProofRefusedError("role_not_named")
    return verified


def check_proof_kind(role: AwsRole, proof: ReadyProof | None) -> None:
    """Raise ProofNeededError unless the role's call has what it takes along."""
    if role.method not in NEEDS:
        return
    kind, field, words = NEEDS[role.method]
    found = proof.proof if isinstance(proof, VerifiedProof) else proof
    if not isinstance(found, ReadyKey if kind is MfaProof else kind):
        raise ProofNeededError(f"{role.title} needs {words} with each call.", field=field)


def take_once(verified: VerifiedProof, now: datetime) -> None:
    """Count an assertion, in the caller's transaction. A token counts until it is over.

    Raises:
        ProofRefusedError: it was counted before.
    """
    if not verified.digest or verified.is_taken:
        return
    try:
        with transaction.atomic():
            UsedProof.objects.create(digest=verified.digest, over_at=max(verified.over_at, now))
    except IntegrityError:
        raise ProofRefusedError(
            "used_before", "This assertion was used already: each counts once. Sign in there again."
        ) from None


def _ready(grant: Grant, proof: Proof) -> ReadyProof | None:
    role = grant.role
    if role.method not in NEEDS:
        raise InvalidError(f"{role.title} needs nothing of your own: leave it out.", field=_field_of(proof))
    kind, field, words = NEEDS[role.method]
    found = proof.proof if isinstance(proof, VerifiedProof) else proof
    if not isinstance(found, kind):
        raise ProofNeededError(f"{role.title} needs {words} with each call.", field=field)
    if isinstance(found, MfaProof):
        return _own_key(grant, found)
    verified = proof if isinstance(proof, VerifiedProof) else verify_proof(role, found)
    _check_is_theirs(grant, verified)
    return verified


def _field_of(proof: Proof) -> str:
    found = proof.proof if isinstance(proof, VerifiedProof) else proof
    return next(field for kind, field, _ in NEEDS.values() if isinstance(found, kind))


def _check_is_theirs(grant: Grant, verified: VerifiedProof) -> None:
    if grant.role.vouched_by_id != verified.provider_id:
        raise ProofRefusedError("other_provider")
    theirs = ExternalIdentity.objects.filter(
        provider=verified.provider_id,
        subject=verified.subject,
        subject_format=verified.subject_format,
        person=grant.person_id,
        gone_at=None,
        provider__is_enabled=True,
    )
    if not theirs.exists():
        raise ProofRefusedError("somebody_elses")
    if verified.over_at <= database_now():
        raise ProofRefusedError("expired")


def _own_key(grant: Grant, proof: MfaProof) -> ReadyKey:
    code = proof.code.replace(" ", "")
    if not _CODE.fullmatch(code):
        raise InvalidError("An MFA code has 6 digits.", field="mfa_code")
    row = UserKey.objects.filter(role=grant.role_id, person=grant.person_id).first()
    if row is None:
        raise ConflictError(
            "The portal doesn't know your IAM user's MFA device yet: enter it under 'My IAM users' on the portal."
        )
    secret = proof.secret_access_key.strip()
    key_id = proof.access_key_id.strip() or row.access_key_id
    if secret:
        check_key(key_id, secret)
    elif proof.access_key_id.strip() not in {"", row.access_key_id}:
        raise InvalidError("The secret of this key is missing.", field="secret_access_key")
    return ReadyKey(
        access_key_id=key_id, mfa_serial=row.mfa_serial, secret_access_key=secret or _kept(row), code=code
    )


def check_key(access_key_id: str, secret: str) -> None:
    """Raise InvalidError where the two can't be an IAM user's key."""
    if not _KEY_ID.fullmatch(access_key_id):
        raise InvalidError(
            "A user's own access key id begins with AKIA: temporary keys (ASIA…) can't do this.",
            field="access_key_id",
        )
    if len(secret) not in _SECRET_LENGTHS or not secret.isascii() or " " in secret:
        raise InvalidError(
            "That is not a secret access key: it has 40 characters.", field="secret_access_key"
        )


def _kept(row: UserKey) -> str:
    if not row.secret:
        raise ProofNeededError(
            "The portal keeps no secret of your IAM user: bring it along.", field="secret_access_key"
        )
    try:
        return unseal(bytes(row.secret)).decode()
    except UnsealError:
        raise ConflictError(
            "Your IAM user's kept key can't be opened any more: enter it anew under 'My IAM users' on the portal."
        ) from None
