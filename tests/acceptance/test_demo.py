"""The demo as people run it, what can be asked while it stands, and that it says so when something is wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from tests.demo import __main__ as demo
from tests.demo.country import BODIES, ROBOT
from tests.demo.gateway import VxpAccess, exchange
from tests.support.broker_fixture import needs_rabbitmq
from tests.support.console import token_in

PATIENCE = 240.0  # seconds until a demo that does not get there fails; other tests run beside it
SENT_OK = "SHA-256 của từng bản bằng bản đã gửi"
SIGNED_OK = "biên nhận, chữ ký của trục đều đúng"
LINK_OK = "đường truyền thông suốt"
GATEWAY_OK = "gửi, nhận, đánh dấu xong qua cổng VXP"
QUICK = ("cong-van", "tiep-nhan", "gia-mao")
"""Steps enough to see a replay; they need nothing of the others."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A demo that was told to stay."""

    folder: Path
    process: "subprocess.Popen[str]"
    printed: Path

    def run(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRUC_")}
        done = subprocess.run(
            [str(Path(sys.executable).parent / command), *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**environment, "COLUMNS": "200", "TRUC_CONFIG": str(self.folder / "hub" / "truc.toml")},
        )
        assert "Traceback" not in done.stderr
        return done

    def truc(self, *arguments: str) -> Any:
        """What a command of the hub says as JSON."""
        done = self.run("truc", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def replay(self, place: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        agents, pki = str(self.folder / "agents"), str(self.folder / "pki")
        return self.run("truc-agent", "replay", str(place), "--agents", agents, "--credentials", pki, *arguments)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """`make demo ARGS=--keep` on a RabbitMQ of its own, played and still running."""
    needs_rabbitmq()
    folder = tmp_path_factory.mktemp("demo")
    printed = folder / "printed.txt"
    home = folder / "country"
    with printed.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.demo", "--keep", "--folder", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        made = Standing(home, process, printed)
        try:
            _await_kept(made)
            yield made
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE)


def _await_kept(made: Standing) -> None:
    until = time.monotonic() + PATIENCE
    while "truc-agent replay" not in made.printed.read_text("utf-8"):
        if time.monotonic() > until:
            raise TimeoutError(made.printed.read_text("utf-8"))
        try:
            made.process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(made.printed.read_text("utf-8"))


def part_of_the_set(folder: Path, *, wrong: str = "", steps: tuple[str, ...] = QUICK) -> Path:
    """A copy of the demo's set with only some steps, and, when `wrong` names one, a false expectation of it."""
    shutil.copytree(demo.SET, folder)
    head, *told = (folder / "set.toml").read_text("utf-8").split("[[step]]\n")
    kept = [each for each in told if each.split('"')[1] in steps]
    lines = []
    for each in kept:
        text = each
        if each.split('"')[1] == wrong:
            assert "signature.digest-mismatch" in each
            text = each.replace("signature.digest-mismatch", "trust.revoked")
        elif 'id = "cong-van"' in each:
            text = "\n".join(line for line in each.splitlines() if not line.startswith("expect.statuses")) + "\n"
        lines.append(text)
    (folder / "set.toml").write_text("[[step]]\n".join([head, *lines]), encoding="utf-8")
    return folder


# ── On a real broker ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_the_demo_shows_the_matrix_and_every_copy_is_what_was_sent(standing: Standing) -> None:
    shown = standing.printed.read_text("utf-8")
    assert "Văn bản × nơi nhận" in shown
    assert all(body.name.split()[0] in shown for body in BODIES)
    assert SENT_OK in shown
    assert SIGNED_OK in shown
    assert LINK_OK in shown
    assert GATEWAY_OK in shown
    assert "✗" not in shown
    assert "Traceback" not in shown


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_the_receipts_of_a_document_are_files_that_prove_something_anywhere(standing: Standing, tmp_path: Path) -> None:
    document = next(each for each in standing.truc("trace", "000.00.00.G90") if len(each["matrix"]) == 5)
    submission = document["message"]["submission_id"]
    settings = str(standing.folder / "agents" / "van-phong" / "agent.toml")
    told = standing.run("truc-agent", "status", submission, "--receipts", str(tmp_path), "--config", settings, "--json")
    assert told.returncode == 0
    (sent,) = json.loads(told.stdout)
    assert {each["signed_by"] for each in sent["receipts"]} == {"truc-lien-thong"}
    assert sent["doubtful_receipts"] == []
    files = sorted((tmp_path / submission).iterdir())
    assert sorted(each.name.split("-", 1)[1].rsplit("-", 1)[0] for each in files) == [
        "accepted",
        *["delivered"] * 5,
        *["handed-over"] * 5,
    ]
    certificate = str(standing.folder / "hub" / "hub" / "hub.cert.pem")
    shown = standing.run("edxml", "verify-receipt", str(files[0]), "--hub-cert", certificate, "--json")
    assert shown.returncode == 0
    assert json.loads(shown.stdout)["receipt"]["digest"] == document["message"]["digest"]
    files[0].write_bytes(files[0].read_bytes().replace(b"<Size>", b"<Size>1"))
    assert standing.run("edxml", "verify-receipt", str(files[0]), "--hub-cert", certificate).returncode == 1


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_a_document_is_found_by_every_name_people_have_for_it(standing: Standing) -> None:
    document = next(each for each in standing.truc("trace", "000.00.00.G90") if len(each["matrix"]) == 5)
    message = document["message"]
    assert message["state"] == "accepted"
    assert {leg["state"] for leg in document["matrix"]} == {"delivered"}
    names = (message["document_id"], message["code"], message["code"].split("/")[0], message["id"])
    for name in (*names, message["submission_id"], "000.00.01.G91"):
        found = standing.truc("trace", name)
        assert message["id"] in {each["message"]["id"] for each in found}, name
    told = standing.run("truc", "trace", message["id"])
    assert told.returncode == 0
    assert "Nơi nhận × trạng thái" in told.stdout
    assert all(body in told.stdout for body in ("000.00.00.G91", "H90.01"))
    nothing = standing.run("truc", "trace", "9999/KHONG-CO")
    assert nothing.returncode == 1


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_a_refused_document_is_found_with_the_reason_and_the_remedy(standing: Standing) -> None:
    refused = [each for each in standing.truc("trace", "000.00.00.G90") if each["message"]["state"] == "refused"]
    assert refused
    assert all(each["message"]["findings"] and not each["matrix"] for each in refused)
    told = standing.run("truc", "trace", refused[0]["message"]["id"])
    assert "→" in told.stdout


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_the_hub_tells_of_queues_and_workers(standing: Standing) -> None:
    until = time.monotonic() + 20.0
    while True:  # the last receipts and acknowledgements may still be on their way, in a queue or in somebody's hands
        told = standing.truc("status")
        waiting = told["outbox"] + sum(each["messages"] for each in told["queues"])
        arrived = told["legs"]["delivered"] == sum(told["legs"].values())
        if (arrived and not waiting) or time.monotonic() > until:
            break
    assert (told["workers"], waiting) == (2, 0)
    assert told["legs"]["delivered"] == sum(told["legs"].values())


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_the_same_set_plays_again_through_the_running_agents(standing: Standing, tmp_path: Path) -> None:
    again = standing.replay(part_of_the_set(tmp_path / "set"), "--json", "--junit", str(tmp_path / "out.xml"))
    assert again.returncode == 0, again.stdout + again.stderr
    assert [each["id"] for each in json.loads(again.stdout)["steps"]] == list(QUICK)
    assert 'failures="0"' in (tmp_path / "out.xml").read_text("utf-8")


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_a_false_expectation_fails_the_replay_and_names_the_step(standing: Standing, tmp_path: Path) -> None:
    wrong = part_of_the_set(tmp_path / "set", wrong="gia-mao")
    told = standing.replay(wrong, "--timeout", "10")
    assert told.returncode == 1
    assert "✗ gia-mao: codes: cần trust.revoked, thấy signature.digest-mismatch" in " ".join(told.stdout.split())


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_the_demo_tells_its_owner_alone_how_a_document_system_connects(standing: Standing) -> None:
    told = standing.folder / "demo.json"
    assert told.stat().st_mode & 0o777 == 0o600
    vxp = json.loads(told.read_text("utf-8"))["vxp"]
    assert set(vxp) == {"endpoint", "system_id", "secret", "organs", "recipients"}
    assert len(vxp["organs"]) >= 2
    assert set(vxp["organs"]) & set(vxp["recipients"])
    shown = standing.printed.read_text("utf-8")
    assert all(vxp[each] in shown for each in ("endpoint", "system_id", "secret"))
    access = VxpAccess(**{**vxp, "organs": tuple(vxp["organs"]), "recipients": tuple(vxp["recipients"])})
    assert exchange(access, Console())
    assert not exchange(replace(access, secret=vxp["secret"][::-1]), Console())


@pytest.mark.rabbitmq
@pytest.mark.slow
@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_the_demo_tells_its_owner_how_to_enter_the_console(standing: Standing, role: str) -> None:
    console = json.loads((standing.folder / "demo.json").read_text("utf-8"))["console"]
    person = console[role]
    with httpx.Client(base_url=console["url"], follow_redirects=True, trust_env=False) as client:
        form = {"form": token_in(client.get("").text), **person}
        inside = client.post("login", data=form)
        assert inside.status_code == 200, inside.text
        found = client.get("search.json").json()
    assert found["documents"]


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_any_agency_tests_its_link_while_the_demo_stands(standing: Standing) -> None:
    settings = str(standing.folder / "agents" / "tinh-binh-minh" / "agent.toml")
    tested = standing.run("truc-agent", "selftest", "--config", settings, "--timeout", "60", "--json")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    told = json.loads(tested.stdout)
    assert (told["ok"], told["to"]) == (True, ROBOT.organ_id)
    shown = standing.run(
        "truc-agent", "inbox", "--all", "--config", str(standing.folder / "agents" / "robot"), "--json"
    )
    assert json.loads(shown.stdout) == []


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_the_demo_ends_well_when_it_is_told_to(standing: Standing) -> None:
    standing.process.send_signal(signal.SIGTERM)
    assert standing.process.wait(PATIENCE) == 0


# ── Inside one process ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_without_a_broker_the_demo_plays_the_same_day_in_one_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo", "--in-process", "--folder", str(tmp_path / "country")],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NO RABBITMQ" in done.stdout
    for wanted in (SIGNED_OK, SENT_OK, LINK_OK, GATEWAY_OK):
        assert wanted in done.stdout


@pytest.mark.slow
def test_the_demo_exits_1_and_names_the_step_that_is_not_as_it_must_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "SET", part_of_the_set(tmp_path / "set", wrong="gia-mao"))
    monkeypatch.setattr(demo, "FOLDER_PATIENCE", 1.0)
    monkeypatch.setattr(sys, "argv", ["demo", "--in-process", "--folder", str(tmp_path / "country")])
    assert demo.main() == 1
    told = " ".join(capfd.readouterr().out.split())
    assert "✗ gia-mao: codes: cần trust.revoked" in told
    assert SENT_OK not in told
