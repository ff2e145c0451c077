"""MiniStack's modules, and what is asked of their stores."""

import importlib
import re
from dataclasses import dataclass
from typing import Any

ROLE_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role/(?:[!-~]+/)?(?P<name>[\w+=,.@-]+)"
)

# Status, headers, body: what MiniStack's own functions answer with.
Answer = tuple[int, dict[str, Any], bytes]
Parameters = dict[str, Any]


@dataclass(frozen=True)
class Inside:
    """MiniStack 1.5.33 as modules. There is no public way to any of it."""

    evaluator: Any
    iam: Any
    sts: Any
    cognito: Any
    responses: Any
    actions: Any

    def role(self, arn: str) -> dict[str, Any] | None:
        """Return the role of this very ARN, path included."""
        match = ROLE_ARN.fullmatch(arn)
        found: dict[str, Any] | None = (
            self.iam._roles.get_scoped(match["account"], None, match["name"]) if match else None  # noqa: SLF001
        )
        return found if found and found["Arn"] == arn else None

    def oidc_provider(self, account: str, host: str) -> dict[str, Any] | None:
        arn = f"arn:aws:iam::{account}:oidc-provider/{host}"
        found: dict[str, Any] | None = self.iam._oidc_providers.get_scoped(account, None, arn)  # noqa: SLF001
        return found

    def saml_provider(self, account: str, arn: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.iam._saml_providers.get_scoped(account, None, arn)  # noqa: SLF001
        return found

    def mfa_device(self, account: str, serial: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.iam._mfa_devices.get_scoped(account, None, serial)  # noqa: SLF001
        return found

    def given(self, parameters: Parameters, name: str) -> str:
        return str(self.iam._p(parameters, name) or "")  # noqa: SLF001


def inside() -> Inside:
    core = [
        importlib.import_module(f"ministack.core.{name}")
        for name in ("iam_evaluator", "responses", "iam_actions")
    ]
    iam, sts, cognito = (
        importlib.import_module(f"ministack.services.{name}") for name in ("iam", "sts", "cognito")
    )
    evaluator, responses, actions = core
    return Inside(evaluator, iam, sts, cognito, responses, actions)
