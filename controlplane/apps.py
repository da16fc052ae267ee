from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ControlPlaneConfig(AppConfig):
    name = "controlplane"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from controlplane import access, checks  # noqa: F401, PLC0415 - models load after apps

        post_migrate.connect(access.create_roles, sender=self, dispatch_uid="controlplane.roles")
