"""Fixtures that more than one ring of tests uses."""

pytest_plugins = ["tests.support.postgres_fixture", "tests.support.broker_fixture"]
