"""A PostgreSQL that needs no set-up: started from the wheel at the first connection.

Used only while DATABASE_URL is not set. A Django database backend rather than a call in
settings, so that commands which need no database never start one.
"""
