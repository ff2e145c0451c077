import pytest

from brokers.aws.partitions import check_destination
from brokers.types import Partition
from portal.web.destinations import destinations

REGIONS = {Partition.AWS: "eu-central-1", Partition.CHINA: "cn-north-1", Partition.US_GOV: "us-gov-west-1"}


@pytest.mark.parametrize("partition", list(Partition))
def test_each_place_is_one_that_the_broker_allows(partition: Partition) -> None:
    for place in destinations(partition, region=REGIONS[partition]):
        check_destination(partition, place.value)
        assert place.value.endswith(f"?region={REGIONS[partition]}")


def test_a_region_of_another_partition_is_left_out() -> None:
    assert all("region" not in place.value for place in destinations(Partition.CHINA, region="eu-central-1"))


def test_each_place_has_a_name_and_an_address_of_its_own() -> None:
    places = destinations(Partition.AWS, region="us-east-1")
    assert len({place.label for place in places}) == len({place.value for place in places}) == len(places)
