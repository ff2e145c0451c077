from typing import TYPE_CHECKING
from uuid import UUID

from django.apps import AppConfig
from django.core.checks import Tags, register

if TYPE_CHECKING:  # models are ready only later
    from portal.access.proofs import SamlProof, TokenProof, VerifiedProof
    from portal.catalog.models import AwsRole


class ConfigConfig(AppConfig):
    name = "portal.config"
    label = "sallyport_config"

    def ready(self) -> None:
        from portal.access.operations.credentials import ask_sources, ready_proof  # noqa: PLC0415  # models are ready only now
        from portal.config import celery  # noqa: F401, PLC0415  # every process that sends wake-ups needs the app
        from portal.config.checks import check_secure_start  # noqa: PLC0415  # settings are ready only now

        ask_sources.register(ask_directories)
        ready_proof.register(verify_handed_over)
        register(check_secure_start, Tags.security, deploy=True)


def ask_directories(person_id: UUID) -> None:
    """Ask about somebody before anything is issued to them: `portal.access` knows of no directory."""
    from portal import wiring  # noqa: PLC0415  # models are ready only later
    from portal.identity.operations.confirm_person import confirm_person  # noqa: PLC0415  # as above

    confirm_person(person_id=person_id, ldap=wiring.ldap_ports)


def verify_handed_over(role: "AwsRole", proof: "SamlProof | TokenProof") -> "VerifiedProof":
    """Verify what is handed over for a role: `portal.access` knows of no identity provider."""
    from portal import wiring  # noqa: PLC0415  # as above
    from portal.identity.operations.verify_proof import verify_proof  # noqa: PLC0415  # as above

    return verify_proof(role=role, proof=proof, ports=lambda: wiring.proof_ports())  # noqa: PLW0108  # looked up at the call: tests put theirs in
