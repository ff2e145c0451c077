from datetime import timedelta
from typing import Any

import pytest

from portal.directory.models import ExternalIdentity, IdentityProvider, SignIn
from portal.identity.operations.tidy import tidy_sign_ins
from portal.kernel.clock import database_now
from portal.kernel.sealing import seal

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_what_is_over_goes_and_an_id_token_no_later_than_it_is_valid(ben: Any) -> None:
    provider = IdentityProvider.objects.create(slug="own", name="Own", kind="oidc")
    identity = ExternalIdentity.objects.create(provider=provider, person=ben, subject="ben")
    now = database_now()

    def sign_in(key: str, *, ends: timedelta, token_ends: timedelta) -> SignIn:
        return SignIn.objects.create(
            person=ben,
            identity=identity,
            session_key=key,
            authenticated_at=now - 2 * HOUR,
            started_at=now - 2 * HOUR,
            expires_at=now + ends,
            sealed_id_token=seal(b"token"),
            id_token_expires_at=now + token_ends,
        )

    sign_in("over", ends=-HOUR, token_ends=HOUR)
    stale = sign_in("stale", ends=HOUR, token_ends=-HOUR)
    fresh = sign_in("fresh", ends=HOUR, token_ends=HOUR)
    assert tidy_sign_ins(at=now) == 1
    assert set(SignIn.objects.all()) == {stale, fresh}
    stale.refresh_from_db()
    fresh.refresh_from_db()
    assert stale.sealed_id_token is None
    assert fresh.sealed_id_token is not None
