"""Have ready what the first fetch of credentials would wait for: AWS's models, read and made into clients.

It takes a third of a second of CPU, seconds on a busy machine, and who asks meanwhile is told to come again. So a
thread does it beside the start, which waits for nothing.
"""

import logging
import os
import threading
from typing import Final

from portal import wiring

log = logging.getLogger(__name__)
# How long a fork waits. What a thread was at stays half done in the child, for ever: it has no such thread.
FORK_WAITS: Final = 10.0


def build_ahead() -> threading.Thread:
    """Begin it. granian's workers each import the application and never fork; a server that forks waits for its end."""
    thread = threading.Thread(target=_build, name="build-ahead", daemon=True)
    thread.start()
    os.register_at_fork(before=lambda: thread.join(FORK_WAITS))
    return thread


def _build() -> None:
    try:
        wiring.aws_brokers().prepare()
    except Exception as problem:  # noqa: BLE001  # the first fetch meets it again, and says so where people look
        log.warning("what AWS is asked by was not built ahead: %s", type(problem).__name__)
