"""SQL migrations of PostgreSQL, MySQL, MariaDB and SQLite.

lex, split          text → tokens → statements
statements, …       statement → steps, the same for every dialect
outlook, replay     what the whole file comes to; where it stands between two statements
…_rules, findings   step → signals; the catalogue of their texts
"""

from controlplane.risk.sql.reader import read

__all__ = ["read"]
