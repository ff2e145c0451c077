"""Identity providers, who looks at their pages, and what is done there."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.urls import reverse

from portal import wiring
from portal.audit.models import AuditEvent
from portal.directory.models import (
    IdentityProvider,
    OidcSettings,
    SamlSettings,
    ScimToken,
    SyncRun,
)
from portal.kernel.sealing import seal

NOW = datetime.now(UTC)
STATE = SyncRun.State
Act = Callable[[Client], Any]
HTMX = {"HX-Request": "true"}


def url(name: str, *args: object) -> str:
    return reverse(f"web:{name}", args=args)


def make_oidc(**fields: Any) -> IdentityProvider:
    made = IdentityProvider.objects.create(slug="cloud", name="Cloud sign-in", kind="oidc", **fields)
    OidcSettings.objects.create(
        provider=made,
        issuer="https://login.example.test",
        client_id="sallyport",
        sealed_client_secret=seal(b"tell-nobody"),
    )
    return made


def page(client: Client, provider: IdentityProvider) -> str:
    answer = client.get(url("provider", provider.slug))
    assert answer.status_code == 200
    return answer.content.decode()


def events(kind: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(type=f"directory.{kind}").order_by("id"))


def make_run(provider: IdentityProvider, state: str, **fields: Any) -> SyncRun:
    ended = NOW if state in {STATE.DONE, STATE.FAILED, STATE.STOPPED} else None
    return SyncRun.objects.create(provider=provider, state=state, asked_at=NOW, finished_at=ended, **fields)


def acts(provider: IdentityProvider) -> dict[str, Act]:
    """Each act that changes something, and the question before one."""
    token = ScimToken.objects.create(
        provider=provider, name="n", prefix="scim_1", digest="0" * 64, expires_at=NOW + timedelta(days=1)
    )
    names = (
        *("provider-test", "provider-sync", "provider-sync-approve", "provider-refresh"),
        *("provider-decide", "provider-try", "scim-token-create"),
    )
    made = {name: _posting(url(name, provider.slug)) for name in names}
    made["scim-token-revoke"] = _posting(url("scim-token-revoke", token.pk))
    for name in ("provider-sync-approve", "provider-try"):
        made[f"{name}, asked"] = _getting(url(name, provider.slug))
    return made


def _posting(where: str) -> Act:
    return lambda client: client.post(where, {"name": "x", "lifetime": "90", "response": "x"})


def _getting(where: str) -> Act:
    return lambda client: client.get(where)


def keys_of(provider: IdentityProvider) -> tuple[str, ...]:
    settings = SamlSettings.objects.get(pk=provider.pk)
    return wiring.saml_ports().read_metadata(settings.metadata.encode()).certificates
