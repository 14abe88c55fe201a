"""Fixtures that more than one ring of tests uses."""

import pytest
import structlog

pytest_plugins = ["tests.support.postgres_fixture", "tests.support.broker_fixture"]


@pytest.fixture(autouse=True)
def logs_as_at_the_start() -> None:
    """A command line that ran in an earlier test has set up the log of this process; the next test begins anew."""
    structlog.reset_defaults()
