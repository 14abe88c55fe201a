"""Tests that need PostgreSQL never vanish in silence."""

import pytest

from tests.support import postgres


@pytest.fixture
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(postgres.URL_VARIABLE, raising=False)
    monkeypatch.setattr(postgres, "binaries", lambda: None)


@pytest.mark.usefixtures("_no_server")
def test_without_a_server_they_skip_at_a_desk_and_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="no PostgreSQL"):
        postgres.needs_postgres()


@pytest.mark.usefixtures("_no_server")
def test_without_a_server_they_fail_where_everything_must_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="no PostgreSQL"):
        postgres.needs_postgres()


@pytest.mark.usefixtures("_no_server")
def test_a_server_named_in_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(postgres.URL_VARIABLE, "postgresql://truc@/postgres")

    postgres.needs_postgres()
