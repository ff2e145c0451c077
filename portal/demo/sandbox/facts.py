"""What the checks ask MiniStack: a role as it stands, the size of its policies, an access key's account."""

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from portal.demo.sandbox.bootstrap import Bootstrap


@dataclass(frozen=True)
class RoleFacts:
    arn: str
    max_session: int


def policy_size(document: Any) -> int:
    """Count characters as IAM does for its quotas: white space doesn't count."""
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    return len(re.sub(r"\s", "", text))


class Facts:
    """Questions to MiniStack, asked with the sandbox's own root clients, in threads."""

    def __init__(self, root: Bootstrap, any_account: str) -> None:
        self.root = root
        self.any_account = any_account
        self._accounts: dict[str, str] = {}

    async def account_of(self, access_key_id: str) -> str | None:
        if access_key_id not in self._accounts:
            sts = self.root.sts(self.any_account)
            try:
                found = await asyncio.to_thread(sts.get_access_key_info, AccessKeyId=access_key_id)
            except ClientError:
                return None
            self._accounts[access_key_id] = found["Account"]
        return self._accounts[access_key_id]

    async def role(self, account_id: str, name: str) -> RoleFacts | None:
        try:
            found = await asyncio.to_thread(self.root.iam(account_id).get_role, RoleName=name)
        except ClientError:
            return None
        return RoleFacts(found["Role"]["Arn"], int(found["Role"].get("MaxSessionDuration", 3600)))

    async def inline_size(self, account_id: str, kind: str, name: str, *, without: str) -> int:
        """Add up the inline policies of a Role, User or Group, but for the one about to be replaced."""
        return await asyncio.to_thread(self._inline_size, account_id, kind, name, without)

    def _inline_size(self, account_id: str, kind: str, name: str, without: str) -> int:
        iam = self.root.iam(account_id)
        who = {f"{kind}Name": name}
        try:
            names = getattr(iam, f"list_{kind.lower()}_policies")(**who)["PolicyNames"]
            read = getattr(iam, f"get_{kind.lower()}_policy")
            return sum(
                policy_size(read(**who, PolicyName=each)["PolicyDocument"])
                for each in names
                if each != without
            )
        except ClientError:  # no such principal: MiniStack will say so
            return 0

    async def attached(self, account_id: str, kind: str, name: str) -> Iterable[str]:
        ask = getattr(self.root.iam(account_id), f"list_attached_{kind.lower()}_policies")
        try:
            found = await asyncio.to_thread(ask, **{f"{kind}Name": name})
        except ClientError:
            return ()
        return [policy["PolicyArn"] for policy in found["AttachedPolicies"]]

    async def policy_exists(self, account_id: str, arn: str) -> bool:
        """AWS's own policies count as there: they stand in no account, and MiniStack has only some."""
        if arn.startswith("arn:aws:iam::aws:"):
            return True
        try:
            await asyncio.to_thread(self.root.iam(account_id).get_policy, PolicyArn=arn)
        except ClientError:
            return False
        return True

    async def roles(self, account_id: str) -> int:
        """Count the account's roles."""
        found = await asyncio.to_thread(self.root.iam(account_id).get_account_summary)
        return int(found["SummaryMap"].get("Roles", 0))

    async def tags(self, account_id: str, role: str) -> set[str]:
        try:
            found = await asyncio.to_thread(self.root.iam(account_id).list_role_tags, RoleName=role)
        except ClientError:  # no such role: MiniStack will say so
            return set()
        return {tag["Key"].lower() for tag in found["Tags"]}

    async def policy_versions(self, account_id: str, arn: str) -> int:
        ask = self.root.iam(account_id).list_policy_versions
        try:
            return len((await asyncio.to_thread(ask, PolicyArn=arn))["Versions"])
        except ClientError:  # no such policy: MiniStack will say so
            return 0
