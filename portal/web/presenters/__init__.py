"""What the pages show, as plain frozen values: the contract between the views and the templates.

Views fill these from query results; templates only lay them out. Everything that depends on the time takes
`now` and the reader's `zone`.
"""

from portal.web.presenters.cards import Destination, GrantCard, MyAccess, my_access
from portal.web.presenters.labels import BADGES, AccountLabel, Badge, badge, grouped_account
from portal.web.presenters.pages import (
    AuditRow,
    ConsoleLink,
    CredentialsView,
    EndView,
    ExtendView,
    GrantPage,
    ProviderChoice,
    RevocationView,
    SessionRow,
    TimelineEvent,
    TokenRow,
)
from portal.web.presenters.pasting import Snippet, snippets
from portal.web.presenters.words import Countdown, Moment, countdown, moment

__all__ = [
    "BADGES",
    "AccountLabel",
    "AuditRow",
    "Badge",
    "ConsoleLink",
    "Countdown",
    "CredentialsView",
    "Destination",
    "EndView",
    "ExtendView",
    "GrantCard",
    "GrantPage",
    "Moment",
    "MyAccess",
    "ProviderChoice",
    "RevocationView",
    "SessionRow",
    "Snippet",
    "TimelineEvent",
    "TokenRow",
    "badge",
    "countdown",
    "grouped_account",
    "moment",
    "my_access",
    "snippets",
]
