"""The catalogue: for each signal why it matters, the safe way, and what other linters call it."""

from controlplane.risk.sql.entries import Entry, squawk
from controlplane.risk.sql.locks import LOCKS
from controlplane.risk.sql.losses import LOSSES

# What gives away, or hides.
_OTHERS: dict[str, Entry] = {
    "row_security_enabled": Entry(
        "Without a policy that fits, the old version sees no rows.",
        "Create the policies first, and try them with the application's role.",
        squawk("ban-alter-row-level-security"),
    ),
    "protection_removed": Entry(
        "Checks that the data was protected by no longer run.",
        "Keep it on; if it has to be off for a moment, in one transaction.",
        squawk("ban-alter-row-level-security", "ban-disable-trigger"),
    ),
    "access_widened": Entry(
        "Everybody who can log in gets it, today's and tomorrow's roles.",
        "Grant to the role that needs it.",
    ),
    "access_revoked": Entry(
        "What the old version does with this right fails at once.",
        "Make sure that no running version uses it.",
        squawk("ban-revoke"),
    ),
    "server_setting": Entry(
        "It holds for every application on this server.",
        "Set it for the session, or roll it out as a configuration change.",
        squawk("ban-alter-system"),
    ),
    "opaque_step": Entry(
        "What runs there does not stand in the artefact.",
        "Send the statements that will run.",
    ),
    "transaction_nested": Entry(
        "It begins or ends another transaction than it seems to; a failure leaves half of it.",
        "One BEGIN, one COMMIT; none where the migration tool opens the transaction.",
        squawk("transaction-nesting"),
    ),
    "transaction_left_open": Entry(
        "Without COMMIT everything is undone when the connection closes.",
        "End the transaction.",
        squawk("ban-uncommitted-transaction"),
    ),
    "enum_value_in_transaction": Entry(
        "PostgreSQL before 12 refuses it inside of a transaction: the migration fails.",
        "Run it outside of a transaction.",
    ),
    "engine_unknown": Entry(
        "It was read as PostgreSQL's; other servers lock otherwise.",
        "Name PostgreSQL, MySQL, MariaDB or SQLite as `dialect`, or have a person review it.",
    ),
}

CATALOGUE: dict[str, Entry] = LOSSES | LOCKS | _OTHERS
