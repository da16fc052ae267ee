from django.apps import AppConfig


class ControlPlaneConfig(AppConfig):
    name = "controlplane"
    default_auto_field = "django.db.models.BigAutoField"
