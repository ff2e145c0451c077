"""Log lines that can be brought together by their request, and a last net for secrets.

Nothing in the portal logs a secret. The net is for what others log and for what nobody thought of: everything that a
formatter here writes, tracebacks included, has what looks like a secret masked. It can't know every secret's look.
"""

import json
import logging
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

MASK = "[masked]"
_NAMES = (
    "secret_?access_?key|session_?token|security_?token|signin_?token|session_?key|client_?secret|passw(?:or)?d"
    "|api_?key|saml_?(?:response|request)|set-cookie|cookie|x-amz-security-token"
)
# Each keeps what tells a reader what was there. Whatever is bounded is bounded so that long lines stay cheap.
_NETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Authorization: the whole header's value, whatever its scheme; a token by itself.
    (
        re.compile(r"(?i)\b((?:proxy-)?authorization)(['\"]{0,2}\s{0,3}[:=,]\s{0,3}b?['\"]?)[^'\"\r\n]+"),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?i)\bbearer\s+[\w.~+/=-]{8,}"), f"Bearer {MASK}"),
    (re.compile(r"(?i)\b(x-amz-signature=|signature=)[0-9a-f]{64}"), rf"\1{MASK}"),
    # Name and value: in JSON, XML, a query string (also escaped), Python's repr, a credentials file.
    (
        re.compile(
            rf"(?i)(?<![a-z])((?:aws_?)?(?:{_NAMES}))"
            r"((?:\\?['\"]|%22)?\s{0,3}(?:[:=>,]|%3A|%3D)\s{0,3}(?!.{0,4}\[masked\])b?(?:\\?['\"]|%22)?)"
            r"(?!\[masked\])[^\s'\"&<>,;\\)}%]+(?:%[0-9A-F]{2}[^\s'\"&<>,;\\)}%]*)*"
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"([?&](?:Session|token|code)=)[^\s&'\"<>]+"), rf"\1{MASK}"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"]{0,80}:)[^\s/@'\"]+@"), rf"\1{MASK}@"),
    # Single-use links and tokens of our own.
    (re.compile(r"(/console/)[\w-]{16,}"), rf"\1{MASK}"),
    (re.compile(r"\b(spc?_)[\w-]{20,}"), rf"\1{MASK}"),
    # By looks alone: a session token or an assertion; 40 characters of base64 that are no hash in hexadecimal.
    (re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{100,}={0,2}"), MASK),
    (
        re.compile(
            r"(?<![A-Za-z0-9+/=_-])(?=[A-Za-z0-9+/]{0,39}[A-Z])(?=[A-Za-z0-9+/]{0,39}[a-z])(?=[A-Za-z0-9+/]{0,39}[0-9])"
            r"[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=_-])"
        ),
        MASK,
    ),
)


@dataclass(frozen=True, slots=True)
class About:
    """What a line is about: a request or a task, and who acts in it where that is known when the line is written."""

    request_id: str = ""
    actor_id: Callable[[], str] = str


_about: ContextVar[About] = ContextVar("about", default=About())  # noqa: B039  # frozen


def begin_lines_about(request_id: str, actor_id: Callable[[], str] = str) -> None:
    """Have every line of this thread carry these, until the next request or task begins.

    There is no end: Django logs an error's answer when all middleware is through, Celery a task's when it is over.
    """
    _about.set(About(request_id, actor_id))


class AboutFilter(logging.Filter):
    """Puts `request_id` and `actor_id` on each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        about = _about.get()
        record.request_id = about.request_id
        record.actor_id = about.actor_id()
        return True


class PlainFormatter(logging.Formatter):
    """Lines for people: time, level, logger, the request where there is one, message, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        request_id = getattr(record, "request_id", "")
        shown = f" [{request_id}]" if request_id else ""
        head = f"{_time(record)} {record.levelname} {record.name}{shown}: {record.getMessage()}"
        return mask("\n".join([head, *_traces(self, record)]))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request_id, actor_id and exception where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": mask(record.getMessage()),
            "request_id": getattr(record, "request_id", ""),
            "actor_id": getattr(record, "actor_id", ""),
            "exception": mask("\n".join(_traces(self, record))),
        }
        return json.dumps({name: value for name, value in told.items() if value or name == "message"})


def mask(text: str) -> str:
    """Return the text with what looks like a secret masked."""
    for net, kept in _NETS:
        text = net.sub(kept, text)
    return text


def _time(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _traces(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    # Not kept in record.exc_text: another handler's formatter may write it without a net.
    found = [formatter.formatException(record.exc_info)] if record.exc_info else []
    return [*found, formatter.formatStack(record.stack_info)] if record.stack_info else found
