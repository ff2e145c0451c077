from django.apps import AppConfig
from django.core.checks import Tags, register


class ConfigConfig(AppConfig):
    name = "portal.config"
    label = "sallyport_config"

    def ready(self) -> None:
        from portal.config import celery  # noqa: F401, PLC0415  # every process that sends wake-ups needs the app
        from portal.config.checks import check_secure_start  # noqa: PLC0415  # settings are ready only now

        register(check_secure_start, Tags.security, deploy=True)
