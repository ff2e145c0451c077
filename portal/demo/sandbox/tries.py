"""What a console session may do right now, found out by trying: live calls signed with its own credentials."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from portal.demo.sandbox import estate
from portal.demo.sandbox.bootstrap import client
from portal.demo.sandbox.callers import Kind
from portal.demo.sandbox.signin import ConsoleSession

PROBE = "written-by-the-sandbox-console.txt"


@dataclass(frozen=True)
class Outcome:
    """`word` is Allowed, Denied or No answer; `code` is what AWS's answer said."""

    action: str
    word: str
    code: str
    at: float


@dataclass(frozen=True)
class Tries:
    buckets: list[tuple[estate.Bucket, list[Outcome]]]
    others: list[tuple[str, Outcome]]

    @property
    def outcomes(self) -> list[Outcome]:
        return [o for _, row in self.buckets for o in row] + [o for _, o in self.others]

    @property
    def allowed(self) -> int:
        return sum(outcome.word == "Allowed" for outcome in self.outcomes)

    @property
    def cut(self) -> bool:
        """Whether AWS refused everything: said no, rather than nothing."""
        return all(outcome.word == "Denied" for outcome in self.outcomes)


class Trier:
    """Makes the calls.

    S3 and IAM go to MiniStack itself, as at AWS a console session of a federated user may call IAM while its
    API credentials may not; STS goes through the façade and its bans.
    """

    def __init__(self, stand_in: str, facade: str) -> None:
        self.endpoints = {"s3": stand_in, "iam": stand_in, "sts": facade}

    def client(self, session: ConsoleSession, service: str) -> Any:
        if service not in session.clients:
            token = session.token
            made = client(
                service, self.endpoints[service], token.access_key_id, token.secret, token.session_token
            )
            session.clients[service] = made
        return session.clients[service]

    async def all(self, session: ConsoleSession) -> Tries:
        s3 = self.client(session, "s3")
        buckets = sorted(estate.BUCKETS, key=lambda each: each.account_id != session.identity.account_id)
        rows = [asyncio.gather(*self._bucket(s3, bucket)) for bucket in buckets]
        others = self._others(session)
        found = await asyncio.gather(*rows)
        answers = await asyncio.gather(*(answer for _, answer in others))
        return Tries(
            list(zip(buckets, found, strict=True)),
            [(label, answer) for (label, _), answer in zip(others, answers, strict=True)],
        )

    def _bucket(self, s3: Any, bucket: estate.Bucket) -> list[Any]:
        first = next(iter(bucket.objects))
        body = f"Written by the sandbox console at {time.strftime('%FT%TZ', time.gmtime())}\n".encode()

        def read() -> None:
            s3.get_object(Bucket=bucket.name, Key=first)["Body"].read()

        return [
            attempt("s3:ListBucket", lambda: s3.list_objects_v2(Bucket=bucket.name, MaxKeys=1)),
            attempt("s3:GetObject", read),
            attempt("s3:PutObject", lambda: s3.put_object(Bucket=bucket.name, Key=PROBE, Body=body)),
        ]

    def _others(self, session: ConsoleSession) -> list[tuple[str, Any]]:
        iam, sts = self.client(session, "iam"), self.client(session, "sts")
        role = another_role(session)
        assume = {"RoleArn": role.arn, "RoleSessionName": "sandbox-console", "DurationSeconds": 900}
        return [
            ("List the account's roles", attempt("iam:ListRoles", lambda: iam.list_roles(MaxItems=1))),
            (f"Become {role.name}", attempt("sts:AssumeRole", lambda: sts.assume_role(**assume))),
        ]


def another_role(session: ConsoleSession) -> estate.Role:
    own = session.identity.arn.split("/")[1]
    same_account = [role for role in estate.ROLES if role.account_id == session.identity.account_id]
    candidates = [role for role in [*same_account, *estate.ROLES] if role.name != own]
    return candidates[0]


async def attempt(action: str, call: Callable[[], Any]) -> Outcome:
    return await asyncio.to_thread(_attempt, action, call)


def _attempt(action: str, call: Callable[[], Any]) -> Outcome:
    at = time.time()
    try:
        call()
    except ClientError as error:
        code = str(error.response["Error"].get("Code", "?"))
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        word = "No answer" if status >= 500 else "Denied"  # noqa: PLR2004 - HTTP's own border
        return Outcome(action, word, code, at)
    except (BotoCoreError, OSError) as error:
        return Outcome(action, "No answer", type(error).__name__, at)
    return Outcome(action, "Allowed", "OK", at)


def federated(session: ConsoleSession) -> bool:
    return session.identity.kind is Kind.FEDERATED
