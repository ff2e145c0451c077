"""What lets partners in from their own accounts, put together. What is not built yet says so when it is called."""

from typing import Any

from brokers.aws.account_check import AccountCheck
from brokers.aws.analyst import Analyst
from brokers.aws.hub import Hub
from brokers.aws.partner_access import PartnerAccess
from brokers.aws.partner_names import role_name, twin_name
from brokers.aws.partner_roles import IamPartnerRoles
from brokers.aws.partner_twin import TwinProver
from brokers.errors import NotPossible
from brokers.ports import PartnerPorts


class _NotYet:
    def __getattr__(self, name: str) -> Any:
        raise NotPossible(f"{name} is not built yet.")


def partner_ports(hub: Hub) -> PartnerPorts:
    rest: Any = _NotYet()
    access = PartnerAccess(hub)
    return PartnerPorts(
        roles=IamPartnerRoles(access),
        external_ids=TwinProver(hub, access),
        accounts=AccountCheck(hub),
        analyst=Analyst(),
        role_name=role_name,
        twin_name=twin_name,
        hub_arn=hub.caller_arn,
    )
