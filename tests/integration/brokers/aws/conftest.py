"""A hub account with an IAM user's key and a target account with roles and buckets, in a real MiniStack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from brokers.aws import AwsBrokers, HubCredentials
from tests.integration.brokers.aws.estate import BROKER_USER, HUB, Estate, seed
from tests.integration.brokers.aws.partner_estate import Partners, seed_partners, users_of
from tests.servers.ministack import REGION, MiniStack, ministack


@pytest.fixture(scope="package")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    with ministack(Path(tmp_path_factory.mktemp("ministack"))) as server:
        seed(server)
        yield server


@pytest.fixture(scope="package")
def hub_key(aws: MiniStack) -> HubCredentials:
    made = aws.root("iam", HUB).create_access_key(UserName=BROKER_USER)["AccessKey"]
    return HubCredentials(made["AccessKeyId"], made["SecretAccessKey"])


@pytest.fixture(scope="package")
def brokers(aws: MiniStack, hub_key: HubCredentials) -> AwsBrokers:
    return AwsBrokers.build(hub=hub_key, region=REGION, endpoint_url=aws.url)


@pytest.fixture
def estate(aws: MiniStack, brokers: AwsBrokers) -> Estate:
    return Estate(aws, brokers)


@pytest.fixture(scope="package")
def connected(aws: MiniStack) -> MiniStack:
    seed_partners(aws)
    return aws


@pytest.fixture(scope="package")
def partners(connected: MiniStack, brokers: AwsBrokers) -> Partners:
    return Partners(connected, brokers, users_of(connected))
