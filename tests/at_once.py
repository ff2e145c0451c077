"""Several acts at the same moment, each with its own connection to the database."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run all at the same moment, each with its own connection; return what each gave or raised."""
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        ready.wait(20)
        try:
            return act()
        except Exception as error:  # noqa: BLE001  # the outcome is looked at
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(60) for future in [pool.submit(run, act) for act in acts]]
