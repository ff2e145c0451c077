"""The console's pages as HTML. They say, above all else, that this is a simulation."""

import time
from urllib.parse import quote

from portal.demo.sandbox import estate
from portal.demo.sandbox.markup import Child, Node, document, el, html
from portal.demo.sandbox.signin import ConsoleSession
from portal.demo.sandbox.tries import Outcome, Tries, federated

SHAPES = {
    "Allowed": "M3 8.5 6.5 12 13 4.5",
    "Denied": "M4 4 12 12M12 4 4 12",
    "No answer": "M8 3.5V9M8 12v.5",
}
WORDS = {"s3:ListBucket": "List", "s3:GetObject": "Read", "s3:PutObject": "Write"}


def clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at))


def moment(at: float) -> Node:
    iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return el("time", {"datetime": iso, "title": iso}, clock(at) + " UTC")


def left(until: float) -> str:
    seconds = int(until - time.time())
    if seconds <= 0:
        return "over"
    if seconds < 120:  # noqa: PLR2004 - below two minutes seconds matter
        return f"in {seconds} s"
    minutes = seconds // 60
    return f"in {minutes} min" if minutes < 120 else f"in {minutes // 60} h {minutes % 60} min"  # noqa: PLR2004


def account(account_id: str) -> str:
    names = {each.account_id: each.name for each in estate.ACCOUNTS}
    grouped = f"{account_id[:4]} {account_id[4:8]} {account_id[8:]}"
    return f"{names.get(account_id, 'Account')} · {grouped}"


def frame(title: str, *content: Child, session: ConsoleSession | None = None, live: bool = False) -> str:
    """Put a page's content between the banner and the footer. `live`: the tries are refreshed by a script."""
    refresh = el("noscript", None, el("meta", {"http-equiv": "refresh", "content": "15"})) if live else None
    return document(
        f"{title} · AWS sandbox",
        el(
            "p",
            {"class": "banner"},
            el("strong", None, "Simulation"),
            " This page stands in for the AWS console. Nothing here is AWS.",
        ),
        el(
            "header",
            {"class": "top"},
            el("a", {"href": "/console/home", "class": "brand"}, "AWS sandbox"),
            _sign_out(session),
        ),
        el("main", None, *content),
        scripts=["/static/tries.js"] if live else [],
        head=refresh,
    )


def _sign_out(session: ConsoleSession | None) -> Child:
    if session is None:
        return None
    return el("a", {"href": "/federation?Action=logout", "class": "button quiet"}, "Sign out")


def home(session: ConsoleSession, tries: Tries) -> str:
    name = session.identity.arn.rsplit("/", 1)[-1]
    return frame(
        "Home",
        el("h1", None, f"Signed in as {name}"),
        who(session),
        live(session, tries),
        session=session,
        live=True,
    )


def live(session: ConsoleSession, tries: Tries) -> Node:
    """Wrap what was tried for the script that keeps it fresh."""
    return el("section", {"id": "tries", "aria-label": "What this session may do"}, *tried(session, tries))


def crumbs(*more: Child) -> Node:
    return el("p", {"class": "crumbs"}, el("a", {"href": "/console/home"}, "Home"), " / Amazon S3", *more)


def who(session: ConsoleSession) -> Node:
    identity = session.identity
    role = identity.arn.split("/")[1] if ":assumed-role/" in identity.arn else None
    kind = f"Role {role}" if role else "Federated user"
    return el(
        "dl",
        {"class": "facts card"},
        fact("Who", kind, el("code", {"class": "arn"}, identity.arn)),
        fact("Account", account(identity.account_id)),
        fact("Credentials end", *_end(identity.credentials_end)),
        fact("Console session", *_console_end(session)),
        fact("Opened at", el("code", {"class": "arn"}, session.destination)),
    )


def fact(label: str, *value: Child) -> Node:
    return el("div", None, el("dt", None, label), [el("dd", None, each) for each in value])


def _end(at: float | None) -> list[Child]:
    return ["Not known: issued before the sandbox watched"] if at is None else [[moment(at), f", {left(at)}"]]


def _console_end(session: ConsoleSession) -> list[Child]:
    if session.identity.session_seconds is None:
        reason = " (a federated user's has no duration of its own)" if federated(session) else ""
        return [f"As long as the credentials{reason}"]
    return [[moment(session.opened_at + session.identity.session_seconds), " by its SessionDuration"]]


def tried(session: ConsoleSession, tries: Tries) -> list[Child]:
    return [
        el(
            "div",
            {"class": "line"},
            el("h2", None, "What this session may do right now"),
            el("a", {"href": "/console/home", "class": "button", "id": "again"}, "Try again"),
        ),
        summary(tries),
        matrix(session, tries),
        el(
            "p",
            {"class": "note"},
            "Each answer is a live call, signed with this session's own credentials and judged by MiniStack. ",
            "Tried again every 5 seconds.",
        ),
    ]


def summary(tries: Tries) -> Node:
    if tries.allowed:
        count = f"{tries.allowed} of {len(tries.outcomes)} things tried are allowed."
        return el("p", {"class": "summary works"}, shape("Allowed"), count)
    if not tries.cut:
        return el(
            "p", {"class": "summary silent"}, shape("No answer"), "The stand-in for AWS gives no answer."
        )
    return el(
        "p",
        {"class": "summary cut", "role": "status"},
        shape("Denied"),
        el(
            "span",
            None,
            el("strong", None, "AWS refuses everything this session asks."),
            " Nothing is left of its access.",
        ),
    )


def shape(word: str) -> Node:
    line = el("path", {"d": SHAPES[word], "fill": "none", "stroke": "currentColor", "stroke-width": "2.2"})
    return el("svg", {"viewBox": "0 0 16 16", "aria-hidden": "true", "class": "shape"}, line)


def answer(outcome: Outcome) -> Child:
    kind = outcome.word.lower().replace(" ", "-")
    return [
        el("span", {"class": f"word {kind}"}, shape(outcome.word), outcome.word),
        el(
            "span",
            {"class": "said"},
            el("span", None, outcome.code),
            " ",
            el("time", None, clock(outcome.at)),
        ),
    ]


def matrix(session: ConsoleSession, tries: Tries) -> Node:
    heads = [el("th", {"scope": "col"}, text) for text in ("Bucket", *WORDS.values())]
    rows = [_bucket_row(session, bucket, outcomes) for bucket, outcomes in tries.buckets]
    rows += [
        el(
            "tr",
            None,
            el("th", {"scope": "row"}, label, el("span", {"class": "under"}, outcome.action)),
            el("td", {"colspan": "3", "data-label": outcome.action}, answer(outcome)),
        )
        for label, outcome in tries.others
    ]
    return el(
        "table",
        {"class": "matrix card cut" if tries.cut else "matrix card"},
        el("caption", None, "Times are UTC"),
        el("thead", None, el("tr", None, heads)),
        el("tbody", None, rows),
    )


def _bucket_row(session: ConsoleSession, bucket: estate.Bucket, outcomes: list[Outcome]) -> Node:
    own = bucket.account_id == session.identity.account_id
    names = {each.account_id: each.name for each in estate.ACCOUNTS}
    where = "this account" if own else names[bucket.account_id]
    return el(
        "tr",
        None,
        el(
            "th",
            {"scope": "row"},
            el("a", {"href": f"/console/s3/buckets/{bucket.name}"}, bucket.name),
            el("span", {"class": "under"}, where),
        ),
        [el("td", {"data-label": WORDS[o.action], "data-action": o.action}, answer(o)) for o in outcomes],
    )


def fragment(session: ConsoleSession, tries: Tries) -> str:
    """Write the inside of `#tries`, for the script that refreshes it."""
    return "".join(html(node) for node in tried(session, tries) if isinstance(node, Node))


def bucket(
    session: ConsoleSession, name: str, listing: list[tuple[str, int]], outcome: Outcome, tries: Tries
) -> str:
    rows = [
        el(
            "tr",
            None,
            el("th", {"scope": "row"}, el("a", {"href": f"/console/s3/object/{name}/{quote(key)}"}, key)),
            el("td", {"class": "number"}, f"{size:,} bytes"),
        )
        for key, size in listing
    ]
    table = el("table", {"class": "listing card"}, el("tbody", None, rows)) if rows else None
    return frame(
        name,
        crumbs(),
        el("h1", None, name),
        who(session),
        asked(outcome, "List the bucket"),
        table if table is not None else _nothing(outcome, "The bucket holds no objects."),
        live(session, tries),
        session=session,
        live=True,
    )


def content(session: ConsoleSession, bucket_name: str, key: str, text: str | None, outcome: Outcome) -> str:
    return frame(
        key,
        crumbs(" / ", el("a", {"href": f"/console/s3/buckets/{bucket_name}"}, bucket_name)),
        el("h1", None, key),
        asked(outcome, "Read the object"),
        el("pre", {"class": "card", "tabindex": "0"}, text) if text is not None else _nothing(outcome, ""),
        who(session),
        session=session,
    )


def asked(outcome: Outcome, what: str) -> Node:
    return el("p", {"class": "asked"}, f"{what} ({outcome.action}): ", answer(outcome))


def _nothing(outcome: Outcome, empty: str) -> Child:
    if outcome.word == "Allowed":
        return el("p", {"class": "card"}, empty)
    return el(
        "p",
        {"class": "card"},
        "AWS did not let this session see it. What else it may do stands on ",
        el("a", {"href": "/console/home"}, "its first page"),
        ".",
    )


def plain(title: str, *content: Child) -> str:
    """Write a page for somebody who isn't signed in, or may not go on."""
    return frame(title, el("h1", None, title), *content)
