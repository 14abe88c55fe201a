"""The hub's memory in SQLite or PostgreSQL: one set of tables, one code path. See README.md beside this file."""
