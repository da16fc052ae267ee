from django.db import migrations, models

LEVELS = [
    ("L0", "L0: observe"),
    ("L1", "L1: gate"),
    ("L2", "L2: staged by hand"),
    ("L3", "L3: automatic halt and rollback"),
    ("L4", "L4: unattended"),
]


def level(default: str) -> models.CharField:
    return models.CharField(choices=LEVELS, db_default=default, default=default, max_length=2)


class Migration(migrations.Migration):
    """The services that are there keep what they had: the policy alone decided. New ones begin at
    L0.
    """

    dependencies = [("attribution", "0008_settling")]

    operations = [
        migrations.AddField("service", "control_level", level("L4")),
        migrations.AlterField("service", "control_level", level("L0")),
    ]
