from datetime import UTC, datetime

import pytest

from brokers.types import ProvenIdentity
from portal.directory.models import IdentityProvider
from portal.identity.operations.complete_sign_in import complete_sign_in
from portal.kernel.actor import Actor, ActorKind

pytestmark = pytest.mark.django_db
MFA, STEP_UP, PASSWORD = "https://refeds.org/profile/mfa", "urn:phr", "urn:password"


@pytest.mark.parametrize(
    ("contexts", "factor"),
    [((PASSWORD,), ""), ((PASSWORD, MFA), MFA), ((STEP_UP,), STEP_UP), ((), ""), (("",), "")],
)
def test_what_a_provider_says_of_a_second_factor(contexts: tuple[str, ...], factor: str) -> None:
    provider = IdentityProvider.objects.create(
        slug="own", name="Own", factor_contexts=[MFA], step_up_context=STEP_UP
    )
    at = datetime.now(UTC)
    proven = ProvenIdentity("ada", at, contexts=contexts)
    nobody = Actor(ActorKind.NOBODY, "nobody")
    signed_in = complete_sign_in(provider=provider, proven=proven, next_path="/", actor=nobody)
    assert (signed_in.factor, signed_in.factor_at) == (factor, at if factor else None)
    provider.step_up_context = ""
    again = complete_sign_in(provider=provider, proven=proven, next_path="/", actor=nobody)
    assert again.factor == ("" if factor == STEP_UP else factor)
