"""Where each partition's console is, for the addresses that the portal offers; the brokers judge every address anew."""

from collections.abc import Mapping
from typing import Final

from brokers.types import Partition

CONSOLES: Final[Mapping[Partition, str]] = {
    Partition.AWS: "https://console.aws.amazon.com",
    Partition.CHINA: "https://console.amazonaws.cn",
    Partition.US_GOV: "https://console.amazonaws-us-gov.com",
}
