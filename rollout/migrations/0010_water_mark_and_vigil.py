from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("rollout", "0009_common_cause"),
    ]

    operations = [
        migrations.CreateModel(
            name="WaterMark",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False),
                ),
                ("database", models.UUIDField()),
                ("number", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Vigil",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False),
                ),
                ("since", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
            ],
        ),
    ]
