"""Names of environments, and how much less than production each counts."""

# Every other name counts as production, a missing one too.
HARMLESS_PLACES = {
    **dict.fromkeys(("staging", "preprod", "preproduction", "pre-production", "uat"), 0.4),
    **dict.fromkeys(("dev", "development", "test", "testing", "qa", "sandbox", "local"), 0.2),
}
