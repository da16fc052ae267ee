from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RolloutConfig(AppConfig):
    name = "rollout"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from rollout.transitions import sync  # noqa: PLC0415 - models load after apps

        post_migrate.connect(sync, sender=self, dispatch_uid="rollout.transitions")
