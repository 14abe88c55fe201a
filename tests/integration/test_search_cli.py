"""`truc search` and `truc document`, as a person uses them, on the services of the console."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from router.adapters.payloads import FilePayloads
from router.adapters.sql.store import SqlStore
from router.cli import app
from router.errors import UsageProblem
from tests.support.envelopes import A_PDF, SENDER
from tests.support.hub_desk import H14, H41
from tests.support.hub_tables import make_tables
from tests.support.provable import ProvableHub


class Hub:
    """A hub in a folder, with a past that its index has not read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "hub"
        self.config = self.folder / "truc.toml"
        self.run("init", str(self.folder))
        self.url = f"sqlite:///{self.folder / 'data' / 'truc.db'}"
        make_tables(self.url)
        payloads = FilePayloads(self.folder / "data" / "payloads", "w")
        with closing(SqlStore(self.url)) as store:
            self.document = ProvableHub(store, payloads).document
        payloads.close()

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), catch_exceptions=True)

    def truc(self, *arguments: str) -> Result:
        return self.run(*arguments, "--config", str(self.config))

    def told(self, *arguments: str) -> dict[str, Any]:
        answer = self.truc(*arguments, "--json")
        told: dict[str, Any] = json.loads(answer.stdout)
        return told


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


def test_the_index_is_brought_up_to_date_on_demand(hub: Hub) -> None:
    before = hub.truc("search", "--delivery", "parked")
    assert before.exit_code == 1
    assert "--catch-up" in before.stderr

    after = hub.truc("search", "--delivery", "parked", "--catch-up")

    assert after.exit_code == 0
    assert hub.document.code in after.stdout
    assert hub.told("search")["behind"]["events"] == 0
    rebuilt = hub.told("search", "7816", "--rebuild")
    assert [each["message_id"] for each in rebuilt["documents"]] == [hub.document.id]


@pytest.mark.parametrize(
    ("arguments", "finds"),
    [
        (("7816",), True),
        (("ket", "noi", "30/09/2026"), True),
        (("--number", "78", "--from", SENDER), True),
        (("--to", "nghe an", "--status", "03"), True),
        (("--to", "nghe an", "--status", "02"), False),
        (("--notation", "ttdt", "--state", "accepted", "--urgency", "0"), True),
        (("--since", "01/10/2026", "--until", "2026-10-01"), True),
        (("--signed-since", "2026-10-01"), False),
        (("--status", "none", "--delivery", "parked"), True),
        (("--organ", "van phong chinh phu", "--below"), True),
        (("--finding", "recipient"), True),
        (("--root", H41, "--delivery", "parked"), False),
        (("--root", H14, "7816"), True),
    ],
)
def test_the_terminal_asks_as_the_console_does(hub: Hub, arguments: tuple[str, ...], finds: bool) -> None:
    hub.truc("search", "--catch-up")

    answer = hub.truc("search", *arguments)

    assert answer.exit_code == (0 if finds else 1), answer.output
    assert (hub.document.id in answer.stdout) is finds


@pytest.mark.parametrize(
    "arguments",
    [("--status", "99"), ("--delivery", "nowhere"), ("--state", "maybe"), ("--urgency", "9"), ("--since", "heute")],
)
def test_what_is_no_filter_is_said_so(hub: Hub, arguments: tuple[str, ...]) -> None:
    answer = hub.truc("search", *arguments)

    assert answer.exit_code != 0
    assert not isinstance(answer.exception, (ValueError, KeyError))


def test_the_next_page_begins_where_the_last_one_says(hub: Hub) -> None:
    first = hub.told("search", "--limit", "1", "--catch-up")
    second = hub.told("search", "--limit", "1", "--after", str(first["older"]))

    assert first["count"]["number"] == 2
    assert first["documents"][0]["message_id"] != second["documents"][0]["message_id"]
    assert second["older"] is None


def test_a_document_is_told_with_its_files(hub: Hub) -> None:
    answer = hub.truc("document", hub.document.code)

    assert answer.exit_code == 0, answer.output
    for text in ("Công văn 7816.pdf", "Cục trưởng", hub.document.code, f"Cơ quan {SENDER}"):
        assert text in answer.stdout
    assert hub.truc("document", "không có").exit_code == 1


def test_files_are_saved_and_that_is_written_down(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    for _ in range(2):
        answer = hub.truc("document", hub.document.id, "--save", str(folder), "--envelope", "--by", "lan")
        assert answer.exit_code == 0, answer.output

    assert sorted(each.name for each in folder.iterdir()) == [
        "Công văn 7816 (2).pdf",
        "Công văn 7816.pdf",
        f"{hub.document.id} (2).edxml",
        f"{hub.document.id}.edxml",
    ]
    assert (folder / "Công văn 7816.pdf").read_bytes() == A_PDF
    with closing(SqlStore(hub.url)) as store:
        opened = [each for each in store.events_of(hub.document.id) if each.name == "content.opened"]
    assert [(each.actor, each.facts["what"]) for each in opened] == [
        ("admin:lan", "attachment 1"),
        ("admin:lan", "envelope"),
    ] * 2


def test_a_file_that_cannot_be_had_is_said_so(hub: Hub, tmp_path: Path) -> None:
    for each in (hub.folder / "data" / "payloads" / "segments").iterdir():
        each.unlink()

    answer = hub.truc("document", hub.document.id, "--save", str(tmp_path / "files"), "--envelope")

    assert answer.exit_code == 1
    assert hub.truc("document", hub.document.id, "--envelope").exit_code != 0


def test_a_document_that_is_not_there_any_more_leaves_the_search(hub: Hub) -> None:
    hub.truc("search", "--catch-up")
    with closing(SqlStore(hub.url)) as store:
        organ = store.registry().organs[SENDER]
        store.put_organs([replace(organ, name="Cơ quan mới")])

    assert hub.told("search", "co", "quan", "moi", "--catch-up")["documents"][0]["message_id"] == hub.document.id


def test_a_document_is_found_by_its_trace_id_which_every_view_shows(hub: Hub) -> None:
    trace = hub.told("document", hub.document.id)["trace_id"]
    found = hub.told("search", trace, "--catch-up")
    assert [each["message_id"] for each in found["documents"]] == [hub.document.id]
    (by_trace,) = json.loads(hub.truc("trace", trace, "--json").stdout)
    assert (by_trace["message"]["id"], by_trace["trace_id"]) == (hub.document.id, trace)
    rows = json.loads(hub.truc("log", "show", hub.document.id, "--json").stdout)
    assert {each["trace_id"] for each in rows} == {trace}
    assert trace in hub.truc("trace", hub.document.id).stdout
    assert hub.truc("trace", "1" * 32).exit_code == 1


def test_an_endpoint_without_the_extra_keeps_the_hub_from_starting(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edxml_schemas.telemetry.find_spec", lambda _: None)
    monkeypatch.setenv("TRUC_TELEMETRY__ENDPOINT", "http://127.0.0.1:4318")
    answer = hub.truc("run")
    assert isinstance(answer.exception, UsageProblem)
    assert "truc-lien-thong[otel]" in answer.exception.text()
