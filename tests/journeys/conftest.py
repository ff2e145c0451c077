from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.journeys.browser import chromium
from tests.servers.demo import Demo, running_demo


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


# Not the package's: on a worker that does other tests between two journeys it would be started twice.
@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("demo") / "home") as found:
        yield found


@pytest.fixture(scope="session")
def database_beside_the_browser() -> Iterator[None]:
    """Let a test ask the database itself: the browser's library runs a loop in the test's own thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield
