"""The twin: a role without permissions whose trust is made as a partner role's, for the portal's own probe.

It proves by real calls what AWS does with an ExternalId, without ever being the partner.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from brokers.aws import limits
from brokers.aws.aws_errors import translated
from brokers.aws.hub import Hub
from brokers.aws.partitions import RoleArn
from brokers.aws.partner_access import PartnerAccess
from brokers.aws.partner_names import PARTNERS_PATH, TAG_TWIN, tag_of
from brokers.aws.patience import Patience
from brokers.aws.role_making import RoleMaking, WantedRole
from brokers.aws.role_reading import read_role
from brokers.aws.role_removing import RoleRemoving
from brokers.aws.session_policy import VERSION
from brokers.aws.shown import shown
from brokers.aws.sts import utc_now
from brokers.aws.trust_policy import trust_policy
from brokers.errors import AwsAccessDenied, LimitExceeded
from brokers.types import AcceptedExternalId, AccountPlace

_SESSION_NAME = "sallyport-proof"
_SECONDS = 900
_OPEN_SINCE = timedelta(minutes=1)
# The credentials are thrown away; were they not, they would be of no use.
_NOTHING = json.dumps(
    {"Version": VERSION, "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]},
    separators=(",", ":"),
)


class TwinProver:
    """`brokers.ports.ExternalIdProver` over IAM and STS. Safe to share between threads; one twin has one writer."""

    def __init__(
        self,
        hub: Hub,
        accounts: PartnerAccess,
        *,
        patience: Patience | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._hub = hub
        self._accounts = accounts
        self._patience = patience or Patience()
        self._now = now

    def make_twin(
        self, place: AccountPlace, name: str, external_ids: Sequence[AcceptedExternalId], *, ends_at: datetime
    ) -> None:
        """Make the twin, or bring it to these ExternalIds. Calls as making a partner's role."""
        made_for = _made_for(name)
        wanted = WantedRole(
            place=place,
            path=PARTNERS_PATH,
            name=name,
            trust=trust_policy(
                self._hub.principal(),
                external_ids,
                starts_at=self._now() - _OPEN_SINCE,
                ends_at=ends_at,
            ),
            inline={},
            attached=(),
            max_session=timedelta(hours=1),
            description="Sallyport's twin of a partner's roles: it proves what ExternalIds do, and may do nothing.",
            tags=made_for,
        )
        client = self._accounts.iam(place)
        RoleMaking(client, wanted, self._patience).make(read_role(client, name))

    def assume_twin(self, place: AccountPlace, name: str, external_id: str | None) -> bool:
        """Say whether AWS lets the hub in with that ExternalId. One call of sts:AssumeRole."""
        _made_for(name)
        asked: dict[str, Any] = {
            "RoleArn": str(RoleArn(place.partition, place.account_id, PARTNERS_PATH, name)),
            "RoleSessionName": _SESSION_NAME,
            "DurationSeconds": _SECONDS,
            "Policy": _NOTHING,
        }
        if external_id is not None:
            limits.external_id(external_id)
            asked["ExternalId"] = external_id
        try:
            with translated("sts:AssumeRole"):
                self._hub.sts().assume_role(**asked)
        except AwsAccessDenied:
            return False
        return True

    def remove_twin(self, place: AccountPlace, name: str) -> None:
        """Take the twin away; nothing happens where there is none."""
        made_for = _made_for(name)
        RoleRemoving(self._accounts.iam(place), place, name, made_for, self._patience).delete()


def _made_for(name: str) -> Mapping[str, str]:
    made_for = tag_of(name)
    if TAG_TWIN not in made_for:
        raise LimitExceeded("RoleName", shown(name), "the name that is made from a partner's account")
    return made_for
