"""What no code path may do is refused by the database: an illegal change of state, an altered ledger."""

from django.db import migrations

CHECK = """
CREATE FUNCTION graygate_check_transition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old_state text := to_jsonb(OLD) ->> TG_ARGV[1];
    new_state text := to_jsonb(NEW) ->> TG_ARGV[1];
BEGIN
    IF old_state = new_state THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM rollout_allowedtransition
        WHERE machine = TG_ARGV[0] AND source = old_state AND target = new_state
    ) THEN
        RAISE EXCEPTION '% may not go from % to %', TG_ARGV[0], old_state, new_state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
WATCH = """
CREATE TRIGGER {machine}_transition BEFORE UPDATE OF {column} ON {table}
FOR EACH ROW EXECUTE FUNCTION graygate_check_transition('{machine}', '{column}');
"""
APPEND_ONLY = """
CREATE FUNCTION graygate_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON rollout_decision
FOR EACH ROW EXECUTE FUNCTION graygate_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("rollout", "0001_initial")]

    operations = [
        migrations.RunSQL(CHECK, "DROP FUNCTION graygate_check_transition()"),
        migrations.RunSQL(
            WATCH.format(machine="rollout", column="phase", table="rollout_rollout"),
            "DROP TRIGGER rollout_transition ON rollout_rollout",
        ),
        migrations.RunSQL(
            WATCH.format(machine="stage", column="state", table="rollout_stage"),
            "DROP TRIGGER stage_transition ON rollout_stage",
        ),
        migrations.RunSQL(
            APPEND_ONLY,
            "DROP TRIGGER ledger_append_only ON rollout_decision;"
            "DROP FUNCTION graygate_append_only()",
        ),
    ]
