"""The portal's own settings, with the bench's bare views among the middleware."""

from portal.config.settings import *  # noqa: F403
from portal.config.settings import MIDDLEWARE

_at = MIDDLEWARE.index("portal.web.container.ContainerCredentialsMiddleware")
MIDDLEWARE = [*MIDDLEWARE[:_at], "tests.bench.credentials_site.BenchMiddleware", *MIDDLEWARE[_at:]]
ROOT_URLCONF = "tests.bench.credentials_site"
