"""A connected account of ours and partners' own accounts in a real MiniStack, with the portal's real brokers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from brokers.aws import AwsBrokers, HubCredentials
from portal.access.operations.drift import find_orphans, look_at_roles
from portal.access.operations.partners import proof_steps
from tests.integration.brokers.aws.estate import BROKER_USER, HUB, seed
from tests.integration.brokers.aws.partner_estate import Partners, seed_partners, users_of
from tests.integration.partners.by_hand.shared import Shared
from tests.servers.ministack import REGION, ministack


@pytest.fixture(scope="package")
def partners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partners]:
    with ministack(Path(tmp_path_factory.mktemp("ministack"))) as server:
        seed(server)
        seed_partners(server)
        made = server.root("iam", HUB).create_access_key(UserName=BROKER_USER)["AccessKey"]
        key = HubCredentials(made["AccessKeyId"], made["SecretAccessKey"])
        brokers = AwsBrokers.build(hub=key, region=REGION, endpoint_url=server.url)
        yield Partners(server, brokers, users_of(server))


@pytest.fixture
def shared(partners: Partners, db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shared]:
    """The portal's rows for it. The stand-in shows at once what was written, so that nothing is waited for."""
    for module in (look_at_roles, find_orphans, proof_steps):
        monkeypatch.setattr(module, "PAUSE", 0.0)
    made = Shared.make(partners)
    yield made
    made.clear()
