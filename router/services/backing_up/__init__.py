"""Backup and restore, from one database to the same or the other kind."""
