"""Fetching metadata from the address that an admin gave for it, as `brokers.ports.DocumentFetcher`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from brokers.errors import IdentityUnavailable
from brokers.http import GuardedHttp
from brokers.saml.metadata import MAX_BYTES
from brokers.types import FetchedDocument

ACCEPT: Final = "application/samlmetadata+xml, application/xml, text/xml"


@dataclass(frozen=True, slots=True)
class MetadataFetcher:
    """Fetches by `http`, which calls no private network that isn't on the operator's list, and follows no redirect."""

    http: GuardedHttp

    def __call__(self, url: str) -> FetchedDocument:
        answer = self.http.get(url, accept=ACCEPT, max_bytes=MAX_BYTES)
        if answer.status != HTTPStatus.OK:
            raise IdentityUnavailable("saml", "malformed", f"the address answered {answer.status}, not 200")
        return FetchedDocument(answer.body, _date(answer.headers.get("date", "")))


def _date(told: str) -> datetime | None:
    try:
        return parsedate_to_datetime(told).astimezone(UTC)
    except ValueError:
        return None
