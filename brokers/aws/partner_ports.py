"""What lets partners in from their own accounts, put together."""

from brokers.aws.account_check import AccountCheck
from brokers.aws.analyst import Analyst
from brokers.aws.hub import Hub
from brokers.aws.partner_access import PartnerAccess
from brokers.aws.partner_names import role_name, twin_name
from brokers.aws.partner_roles import IamPartnerRoles
from brokers.aws.partner_twin import TwinProver
from brokers.ports import PartnerPorts


def partner_ports(hub: Hub) -> PartnerPorts:
    access = PartnerAccess(hub)
    return PartnerPorts(
        roles=IamPartnerRoles(access),
        external_ids=TwinProver(hub, access),
        accounts=AccountCheck(hub),
        analyst=Analyst(),
        role_name=role_name,
        twin_name=twin_name,
        hub_arn=hub.principal,
    )
