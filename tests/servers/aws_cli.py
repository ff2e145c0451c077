"""The AWS CLI as people have it, unmodified: the one among the test tools, whatever this machine has."""

import sys
from pathlib import Path

AWS_CLI = str(Path(sys.executable).with_name("aws"))
