"""How a provider is, in a word and a shape, with what is wrong in sentences: the same for the list and its page."""

from collections.abc import Iterator
from datetime import datetime

from portal.directory.models import IdentityProvider, SyncRun
from portal.directory.provider_queries import KnownThere
from portal.web.presenters import Badge
from portal.web.presenters.providers import Problem

Kind = IdentityProvider.Kind
FINE = Badge("Fine", "live", "check")
OFF = Badge("Switched off", "quiet", "stop")
NEVER = Badge("Not used yet", "wait", "clock")
ASKS = Badge("Asks", "danger", "alert")
FAILS = Badge("Fails", "danger", "alert")


def problems(known: KnownThere, *, now: datetime) -> Iterator[tuple[Badge, Problem]]:
    """Yield what needs an admin, the worst first."""
    provider = known.provider
    if provider.kind != Kind.LOCAL and not hasattr(provider, provider.kind):
        yield FAILS, Problem("It has no settings", "Nobody can sign in here until they are given.")
    elif provider.kind == Kind.SAML:
        yield from _of_saml(provider)
    elif provider.kind == Kind.LDAP:
        yield from _of_directory(known.last_sync)
    usable = [token for token in known.scim_tokens if token.revoked_at is None and token.expires_at > now]
    kept = [token for token in known.scim_tokens if token.revoked_at is None]
    if kept and not usable:
        yield (
            FAILS,
            Problem(
                "Its SCIM tokens have ended",
                "It can't tell any more who has left: until it can, its word counts as long as a sign-in's. Make a "
                "new token below.",
            ),
        )


def state(known: KnownThere, *, now: datetime) -> Badge:
    if not known.provider.is_enabled:
        return OFF
    worst = next((badge for badge, _ in problems(known, now=now)), None)
    if worst is not None:
        return worst
    synced = known.last_sync is not None and known.last_sync.finished_at is not None
    told = any(token.last_used_at for token in known.scim_tokens)
    return FINE if known.last_sign_in_at or synced or told else NEVER


def _of_saml(provider: IdentityProvider) -> Iterator[tuple[Badge, Problem]]:
    if provider.saml.offered_at is not None:
        yield (
            ASKS,
            Problem(
                "Other metadata is offered",
                "Its address shows other keys or addresses, unsigned. What is pinned goes on until somebody decides.",
            ),
        )
    if provider.saml.refresh_problem:
        yield (
            FAILS,
            Problem(
                "Its metadata could not be refreshed",
                f"{provider.saml.refresh_problem} What is pinned goes on.",
            ),
        )


def _of_directory(run: SyncRun | None) -> Iterator[tuple[Badge, Problem]]:
    if run is not None and run.state == SyncRun.State.STOPPED:
        yield ASKS, Problem("The last sync stopped and asks", "It took nothing from anybody. Decide below.")
    if run is not None and run.state == SyncRun.State.FAILED:
        yield (
            FAILS,
            Problem(
                "The last sync failed", f"{run.problem} Nobody was deactivated by it. Test the connection."
            ),
        )
