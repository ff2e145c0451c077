"""What lets partners in from their own accounts, put together. Not built yet: every call says so."""

from typing import Any

from brokers.aws.hub import Hub
from brokers.aws.partner_names import role_name, twin_name
from brokers.errors import NotPossible
from brokers.ports import PartnerPorts


class _NotYet:
    def __getattr__(self, name: str) -> Any:
        raise NotPossible(f"{name} is not built yet.")


def partner_ports(hub: Hub) -> PartnerPorts:
    rest: Any = _NotYet()
    return PartnerPorts(
        roles=rest,
        external_ids=rest,
        accounts=rest,
        analyst=rest,
        role_name=role_name,
        twin_name=twin_name,
        hub_arn=hub.caller_arn,
    )
