"""`truc-agent selftest`, `robot` and `status --self-tests` as people and scripts use them."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from agents import cli
from agents.logs import configure_logs
from agents.selftest_report import HOP_TEXT, Hop
from tests.support.envelopes import a_document, an_organ
from tests.support.hub_desk import H41
from tests.support.tested_link import ROBOT, Link, a_link


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def _run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["truc-agent", *map(str, arguments)])
        capsys.readouterr()
        code: object = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
        printed = capsys.readouterr()
        assert isinstance(code, int), code
        assert "Traceback" not in printed.out + printed.err
        return Outcome(code, printed.out, printed.err)

    return _run


@pytest.fixture
def link(tmp_path: Path) -> Link:
    configure_logs()  # both agents run in this process, beside the command whose output is read
    return a_link(tmp_path)


@pytest.fixture
def config(link: Link, tmp_path: Path) -> Path:
    """The sender's settings as a file."""
    keys = {"name", "hub_certificate", "spool", "organs"}
    values = link.desk.settings.model_dump(mode="json", include=keys, exclude_none=True)
    place = tmp_path / "vpcp" / "agent.toml"
    place.write_text(tomli_w.dumps({"selftest_organ": ROBOT, **values}), encoding="utf-8")
    return place


@pytest.mark.parametrize("command", ["selftest", "robot"])
def test_help_tells_purpose_example_and_exit_codes_in_both_languages(run: Run, command: str) -> None:
    shown = run(command, "--help")
    assert (shown.code, shown.err) == (0, "")
    for wanted in ("truc-agent " + command, "Mã thoát / exit codes", "Ví dụ / example", "--verbose"):
        assert wanted in shown.out


async def test_a_good_link_exits_0_and_shows_every_hop_with_its_time(run: Run, link: Link, config: Path) -> None:
    async with link.moving():
        shown = await asyncio.to_thread(run, "selftest", "-c", config, "--timeout", 120)
    assert shown.code == 0, shown.err
    lines = [line for line in shown.out.splitlines() if "✓" in line]
    assert len(lines) == len(Hop)
    assert all(" ms " in line for line in lines)
    for vi, en in HOP_TEXT.values():
        assert f"{vi} / {en}" in shown.out


async def test_json_has_every_hop_and_the_robot_that_was_named(run: Run, link: Link, config: Path) -> None:
    async with link.moving():
        shown = await asyncio.to_thread(run, "selftest", "-c", config.parent, "--to", ROBOT, "--json", "--timeout", 120)
    assert shown.code == 0, shown.err
    told = shown.json
    assert (told["ok"], told["to"], told["fault"]) == (True, ROBOT, None)
    assert [each["hop"] for each in told["hops"]] == [each.value for each in Hop]
    assert all(each["came"] and each["ms"] >= 0 for each in told["hops"])


def test_a_hop_that_does_not_come_exits_1_and_is_named_with_what_to_look_at(run: Run, config: Path) -> None:
    shown = run("selftest", "-c", config)
    assert shown.code == 1
    assert f"✗ {'—':>9}     {' / '.join(HOP_TEXT[Hop.PUBLISHED])}" in shown.out
    assert "→" in shown.err
    assert "truc-agent run" in shown.err


def test_the_json_of_a_fault_names_hop_reason_and_remedy(run: Run, config: Path) -> None:
    shown = run("selftest", "-c", config, "--json")
    assert shown.code == 1
    told = shown.json
    assert told["ok"] is False
    assert told["fault"]["hop"] == "published"
    assert set(told["fault"]) == {"hop", "vi", "en", "look_at"}
    assert [each["came"] for each in told["hops"]] == [True, *[False] * 6]


def test_wrong_use_exits_2_and_haste_exits_3(run: Run, config: Path) -> None:
    assert run("selftest", "-c", config, "--from", "000.00.00.X01").code == 2
    assert run("selftest", "-c", config, "--timeout", 0).code == 2
    run("selftest", "-c", config)
    again = run("selftest", "-c", config)
    assert (again.code, again.out) == (3, "")
    config.write_text(config.read_text("utf-8").replace(f'selftest_organ = "{ROBOT}"\n', ""), encoding="utf-8")
    nobody = run("selftest", "-c", config)
    assert nobody.code == 2
    assert "selftest_organ" in nobody.err


def test_a_robot_that_cannot_sign_does_not_start(run: Run, config: Path) -> None:
    text = "\n".join(line for line in config.read_text("utf-8").splitlines() if not line.startswith(("key", "cert")))
    config.write_text(text, encoding="utf-8")
    shown = run("robot", "-c", config)
    assert shown.code == 2
    assert "key, cert" in shown.err


async def test_status_keeps_self_tests_apart_and_shows_them_when_asked(run: Run, link: Link, config: Path) -> None:
    async with link.moving():
        letter = await link.agents["vpcp"].send(a_document(recipients=(an_organ(H41),)))
        tested = (await link.test()).submission_id
    shown = run("status", "-c", config, "--json")
    assert [each["submission_id"] for each in shown.json] == [letter]
    told = run("status", "-c", config)
    assert "KIEMTRA" not in told.out
    assert "--self-tests" in told.err
    (alone,) = run("status", "-c", config, "--self-tests", "--json").json
    assert alone["submission_id"] == tested
    assert sorted(each["status_code"] for each in alone["statuses"]) == ["01", "03"]
    assert run("status", tested, "-c", config, "--json").json == [alone]
