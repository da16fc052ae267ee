"""Where metrics come from: one file a kind of source, found by name in GRAYGATE_SOURCES."""
