from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "portal.jobs"
    label = "jobs"

    def ready(self) -> None:
        from portal.jobs import comparing, drift, syncing, verifying  # noqa: PLC0415  # models are ready only now
        from portal.jobs.waking import wake  # noqa: PLC0415
        from portal.kernel import outbox  # noqa: PLC0415

        outbox.on_post(wake)
        comparing.subscribe()
        drift.subscribe()
        syncing.subscribe()
        verifying.subscribe()
