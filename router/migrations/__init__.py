"""Migrations of the hub's database, run by `router.adapters.sql.migrate.upgrade`."""
