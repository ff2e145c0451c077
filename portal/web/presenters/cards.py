"""My access: a card for each grant, and their order."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from portal.web.presenters.labels import AccountLabel, Badge
from portal.web.presenters.offers import Offer
from portal.web.presenters.words import Countdown


@dataclass(frozen=True, slots=True)
class Destination:
    """A place in the console: `value` is posted as `destination`."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class GrantCard:
    """One grant on My access. `explanation` says by which AWS call credentials come, and why.

    `is_open`: it can be used now. `window`: when it is open each week; `window_now` says how that stands.
    `shut`: why nothing is given under it though its time has come. `destination_error` and `typed_destination`
    bring back a refused 'other address'. `factor_minutes`: how old a second factor may be; 0: none is asked for.
    `needs_proof`: each call takes the person's own proof along, so that no button here can make it.
    """

    id: str
    role_name: str
    role_description: str
    account: AccountLabel
    scope: str
    countdown: Countdown
    badge: Badge
    granted_by: str
    reason: str
    explanation: str
    partner: str = ""
    console_allowed: bool = True
    credentials_allowed: bool = True
    destinations: tuple[Destination, ...] = ()
    typed_destination: str = ""
    destination_error: str = ""
    is_open: bool = True
    window: str = ""
    window_now: str = ""
    shut: str = ""
    no_kill_switch: bool = False
    factor_minutes: int = 0
    needs_proof: bool = False


@dataclass(frozen=True, slots=True)
class MyAccess:
    """My access, in reading order. `fingerprint` changes when the cards do, not when time passes.

    `notice`: what concerns all of it. `signs_in_again`: to sign in again is what to do about it.
    `offers`: what the person may take for themselves, and does not hold.
    """

    active: tuple[GrantCard, ...]
    later: tuple[GrantCard, ...]
    ended: tuple[GrantCard, ...]
    fingerprint: str
    notice: str = ""
    signs_in_again: bool = False
    offers: tuple[Offer, ...] = ()


def my_access(
    cards: Iterable[GrantCard],
    *,
    notice: str = "",
    signs_in_again: bool = False,
    offers: Iterable[Offer] = (),
) -> MyAccess:
    """Put the cards in reading order: what ends or closes next, what starts or opens next, what ended last."""
    offered = tuple(offers)
    everything = sorted(cards, key=lambda card: (card.countdown.moment.iso, card.id))
    active = tuple(c for c in everything if c.countdown.kind in {"ends", "closes"} and c.is_open)
    ended = tuple(c for c in reversed(everything) if c.countdown.kind == "ended")
    shown = {card.id for card in (*active, *ended)}
    return MyAccess(
        active=active,
        later=tuple(c for c in everything if c.id not in shown),
        ended=ended,
        fingerprint=fingerprint(everything, offered) + ("!" if notice else ""),
        notice=notice,
        signs_in_again=signs_in_again,
        offers=offered,
    )


def fingerprint(cards: Iterable[GrantCard], offers: Iterable[Offer] = ()) -> str:
    """Return a short digest of what the cards say, leaving out the words that only time changes."""
    digest = hashlib.sha256(repr(tuple(offers)).encode())
    for card in cards:
        told = (
            *(card.id, card.role_name, card.role_description, card.account, card.scope, card.badge),
            *(card.granted_by, card.reason, card.explanation, card.partner, card.destinations),
            *(card.console_allowed, card.credentials_allowed, card.countdown.kind, card.countdown.moment.iso),
            *(card.is_open, card.window, card.shut, card.no_kill_switch, card.factor_minutes),
        )
        digest.update(repr(told).encode())
    return digest.hexdigest()[:16]
