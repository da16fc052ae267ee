"""The change's own state machine, checked by the trigger function of the floor below."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("controlplane", "0001_initial"), ("rollout", "0002_triggers")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER change_transition BEFORE UPDATE OF state ON controlplane_change "
            "FOR EACH ROW EXECUTE FUNCTION graygate_check_transition('change', 'state');",
            "DROP TRIGGER change_transition ON controlplane_change",
        ),
    ]
