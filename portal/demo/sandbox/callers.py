"""Who calls: the access key in the signature's credential scope, and what is known of that key."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from lxml import etree

from portal.demo.sandbox.refusals import NAMESPACES

SCOPE = re.compile(
    r"(?P<key>[A-Za-z0-9_-]{1,128})/(?P<date>[0-9]{8})/(?P<region>[a-z0-9-]{1,64})/(?P<service>[a-z0-9-]{1,64})"
    r"/aws4_request"
)
# MiniStack takes other keys (12 digits, 'test') for an account's root, whatever their secret.
REAL_KEY = re.compile(r"A[KS]IA[A-Z0-9]{12,124}")


class Kind(StrEnum):
    USER = "user"
    ROLE = "role"
    FEDERATED = "federated"
    SESSION_TOKEN = "session-token"  # noqa: S105 - the name of a kind of credentials
    SESSION_TOKEN_WITH_MFA = "session-token-with-mfa"  # noqa: S105 - as above
    ROOT_TASK = "root-task"


# The call that made the credentials says what they are.
KIND_OF = {
    "AssumeRole": Kind.ROLE,
    "AssumeRoleWithWebIdentity": Kind.ROLE,
    "AssumeRoleWithSAML": Kind.ROLE,
    "GetFederationToken": Kind.FEDERATED,
    "GetSessionToken": Kind.SESSION_TOKEN,
    "AssumeRoot": Kind.ROOT_TASK,
}


@dataclass(frozen=True)
class Scope:
    access_key_id: str
    service: str
    region: str = field(default="", compare=False)


@dataclass(frozen=True)
class Issued:
    """Credentials seen leaving STS. No secret is kept. `expires_at`: seconds since 1970."""

    access_key_id: str
    kind: Kind
    chained: bool
    arn: str
    expires_at: float


def scope(headers: Mapping[str, str], query: Mapping[str, str]) -> Scope | None:
    """Return the SigV4 credential scope of the Authorization header or of a presigned URL."""
    stated = headers.get("Authorization", "")
    if stated.startswith("AWS4-HMAC-SHA256 "):
        found = re.search(r"Credential=([^,\s]+)", stated)
        text = found[1] if found else ""
    else:
        text = "" if stated else query.get("X-Amz-Credential", "")
    match = SCOPE.fullmatch(text)
    return Scope(match["key"], match["service"], match["region"]) if match else None


class Registry:
    """The temporary credentials issued through the façade, remembered over a restart, without their secrets."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.issued: dict[str, Issued] = {}
        self._load()

    def kind(self, access_key_id: str) -> Kind:
        """Credentials that the façade never saw count as a role's: the commonest, and the façade adds no bans."""
        if access_key_id.startswith("AKIA"):
            return Kind.USER
        found = self.issued.get(access_key_id)
        return found.kind if found else Kind.ROLE

    def observe(self, action: str, answer: bytes, caller: Kind | None, *, with_mfa: bool = False) -> None:
        """Remember the credentials in a successful answer of STS to `action`, asked `with_mfa` or without."""
        root = etree.fromstring(answer, etree.XMLParser(resolve_entities=False, no_network=True))

        def text(name: str) -> str:
            return root.findtext(f".//{{{NAMESPACES['sts']}}}{name}") or ""

        expires, by_code = (
            datetime.fromisoformat(text("Expiration")),
            with_mfa and action == "GetSessionToken",
        )
        self.issued[text("AccessKeyId")] = Issued(
            access_key_id=text("AccessKeyId"),
            kind=Kind.SESSION_TOKEN_WITH_MFA if by_code else KIND_OF[action],
            chained=action == "AssumeRole" and caller is Kind.ROLE,
            arn=text("Arn"),
            expires_at=expires.replace(tzinfo=expires.tzinfo or UTC).timestamp(),
        )
        self._save()

    def observe_json(self, answer: bytes) -> None:
        """Remember those of an identity pool, which are a role's."""
        found = json.loads(answer)["Credentials"]
        key, ends_at = str(found["AccessKeyId"]), float(found["Expiration"])
        self.issued[key] = Issued(key, Kind.ROLE, chained=False, arn="", expires_at=ends_at)
        self._save()

    def _load(self) -> None:
        try:
            rows = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return
        for row in rows:
            issued = Issued(**{**row, "kind": Kind(row["kind"])})
            self.issued[issued.access_key_id] = issued

    def _save(self) -> None:
        now = datetime.now(UTC).timestamp()
        self.issued = {key: row for key, row in self.issued.items() if row.expires_at > now}
        draft = self.path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump([asdict(row) for row in self.issued.values()], file)
        draft.replace(self.path)
