"""One bad drop, delivery, name or set never harms another, and no stranger's text reaches beyond its folder."""

import json
import stat
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.connectors import folder_in, folder_out
from agents.connectors.folder_files import Fingerprint, fingerprint_of
from agents.connectors.folder_layout import OWN_NAMES, write_delivery
from agents.desk import Desk as AgentDesk
from agents.errors import SpoolUnavailable, UsageFault
from agents.packaging import read_envelope
from agents.replay.message_set import read_set
from agents.replay.rendering import Renderer
from agents.spool import Spool
from agents.spool.records import InboxItem
from edxml_schemas.limits import DEFAULT_LIMITS
from tests.support import hub_desk
from tests.support.agency import settings_of
from tests.support.envelopes import SENDER, a_document, an_organ, envelope_bytes
from tests.support.hub_desk import H41
from tests.support.spools import make_older
from tests.unit.test_agent_folder_drops import Office, draft

NOW = datetime(2026, 10, 1, 2, tzinfo=UTC)
SECRET = "MẬT: về việc nhân sự"


@pytest.fixture(scope="module")
def hub() -> hub_desk.Desk:
    return hub_desk.Desk()


@pytest.fixture
def office(hub: hub_desk.Desk, tmp_path: Path) -> Iterator[Office]:
    made = Office("vpcp", hub, tmp_path)
    yield made
    made.desk.spool.close()


@pytest.fixture
def recipient(hub: hub_desk.Desk, tmp_path: Path) -> Iterator[Office]:
    made = Office("nghean", hub, tmp_path)
    yield made
    made.desk.spool.close()


# ── Drops ───────────────────────────────────────────────────────────────────────────────────────────────────────────

HALF = "\\ud800"
VALUES = (
    f'{{"subject": "x{HALF}", "to": [{{"organ_id": "{H41}"}}], "from": {{"organ_id": "{SENDER}"}}}}',
    f'{{"subject": "x", "to": [{{"organ_id": "{HALF}"}}], "from": {{"organ_id": "{HALF}"}}}}',
    f'{{"x{HALF}": 1}}',
    f'{{"subject": {{"x{HALF}": "{HALF}"}}}}',
)


@pytest.mark.parametrize("content", VALUES)
def test_half_characters_in_a_draft_are_told_of_in_its_result(office: Office, content: str) -> None:
    folder = office.outbox / "cong-van"
    folder.mkdir()
    (folder / "document.json").write_text(content, encoding="utf-8")
    office.step()
    assert office.fault("cong-van")
    office.drop("later")
    office.step()
    assert office.submissions() == 1


@pytest.mark.parametrize("key", ["description", "staff_info", f"x{HALF}"])
def test_half_characters_in_a_status_are_told_of_in_its_result(recipient: Office, hub: hub_desk.Desk, key: str) -> None:
    recipient.deliver(hub.signed(a_document(recipients=(an_organ(H41),))))
    recipient.step()
    (place,) = (recipient.inbox / H41).iterdir()
    value = f'{{"staff": "A{HALF}"}}' if key == "staff_info" else f'"A{HALF}"'
    (place / "status.json").write_text(f'{{"status_code": "03", "{key}": {value}}}', encoding="utf-8")
    recipient.step()
    told = json.loads((place / "status.result.json").read_text("utf-8"))
    assert told["state"] == "fault"
    assert told["problems"]


def test_a_drop_on_which_the_connector_itself_fails_is_set_aside_and_later_ones_go_on(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(drop: Path) -> Fingerprint | None:
        if drop.name == "a-bad":
            raise RuntimeError("nobody thought of it")
        return fingerprint_of(drop)

    monkeypatch.setattr(folder_out, "fingerprint_of", fails)
    bad = office.drop("a-bad")
    office.drop("b-good", draft(13))
    office.step()
    office.step()
    assert office.result("b-good")["state"] == "spooled"
    assert bad.is_dir()


def test_a_delivery_that_cannot_be_laid_out_holds_up_no_other(
    recipient: Office, hub: hub_desk.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(folder: Path, item: InboxItem, envelope: bytes, *, place: str = "") -> dict[str, object]:
        if item.leg_id == "leg-1":
            raise RuntimeError("nobody thought of it")
        return write_delivery(folder, item, envelope, place=place)

    monkeypatch.setattr(folder_in, "write_delivery", fails)
    for number in (1, 2):
        content = hub.signed(a_document(subject=f"Bản {number}", recipients=(an_organ(H41),)))
        recipient.deliver(content, leg=f"leg-{number}")
    recipient.step()
    recipient.step()
    (place,) = (recipient.inbox / H41).iterdir()
    assert json.loads((place / "document.json").read_text("utf-8"))["leg_id"] == "leg-2"
    assert [each.leg_id for each in recipient.desk.spool.unexported()] == ["leg-1"]


def test_a_key_that_cannot_be_used_is_told_of_in_the_result(office: Office) -> None:
    key = office.desk.settings.organs[0].key
    assert key is not None
    key.write_bytes(b"not a key")
    office.drop()
    office.step()
    assert str(key) in office.fault("cong-van")
    assert office.submissions() == 0


def test_no_more_of_a_dropped_envelope_is_read_than_one_may_have(tmp_path: Path) -> None:
    place = tmp_path / "goi.edxml"
    with place.open("wb") as file:
        file.truncate(DEFAULT_LIMITS.envelope_bytes + 2**20)
    assert len(read_envelope(place)) == DEFAULT_LIMITS.envelope_bytes + 1


# ── Names that differ by letter case alone ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other"), [(f"{SENDER},vb", f"{SENDER.casefold()},VB"), ("CÔNG VĂN ĐẾN", "công văn đến"), ("ß", "SS")]
)
def test_deliveries_whose_names_differ_by_letter_case_get_two_folders(
    recipient: Office, hub: hub_desk.Desk, one: str, other: str
) -> None:
    for leg, name in (("leg-1", one), ("leg-2", other)):
        recipient.deliver(hub.signed(a_document(recipients=(an_organ(H41),), subject=name)), leg=leg)
    places = [recipient.desk.spool.reserve_place("leg-1", one), recipient.desk.spool.reserve_place("leg-2", other)]
    assert len({each.casefold() for each in places}) == 2
    assert places[0] == one


def test_a_spool_of_the_first_version_knows_its_places_afterwards(tmp_path: Path, hub: hub_desk.Desk) -> None:
    made = Office("nghean", hub, tmp_path)
    for leg in ("leg-1", "leg-2"):
        made.deliver(hub.signed(a_document(subject=leg, recipients=(an_organ(H41),))), leg=leg)
    made.desk.spool.reserve_place("leg-1", "H41/ĐẾN")
    made.desk.spool.close()
    make_older(made.desk.settings.spool, version=1)
    with Spool.open(made.desk.settings.spool) as spool:
        assert spool.reserve_place("leg-2", "H41/đến") == "H41/đến~2"
        assert spool.item_at("H41/ĐẾN") is not None


@pytest.mark.parametrize("name", ["Status.TOML", "STATUS-03.toml", "status.Result.json", "Envelope.EDXML"])
def test_an_attachment_never_takes_a_name_of_the_connectors_own_in_any_letter_case(
    recipient: Office, name: str
) -> None:
    content = envelope_bytes(a_document(recipients=(an_organ(H41),))).replace(
        "Công văn 7816.pdf".encode(), name.encode()
    )
    recipient.deliver(content)
    recipient.step()
    (place,) = (recipient.inbox / H41).iterdir()
    told = json.loads((place / "document.json").read_text("utf-8"))
    files = [each["file"] for each in told["attachments"] if "file" in each]
    assert files
    assert not {each.casefold() for each in files} & OWN_NAMES
    assert len({each.name.casefold() for each in place.iterdir()}) == len(list(place.iterdir()))


# ── Sets from strangers ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["/etc/truc/keys/x", "../x", "a/../../x", "..", ".x", "a\\\\b", "khóa", "x\\n"])
def test_a_set_reaches_for_no_key_outside_the_credentials(tmp_path: Path, hub: hub_desk.Desk, name: str) -> None:
    home = tmp_path / "set"
    home.mkdir()
    (home / "goi.edxml").write_bytes(envelope_bytes(a_document()))
    (home / "set.toml").write_text(
        f'title = "x"\n[who.a]\norgan_id = "{SENDER}"\nagent = "vpcp"\n'
        f'[[step]]\nid = "mot"\nas = "a"\nenvelope = "goi.edxml"\ncredential = "{name}"\n',
        encoding="utf-8",
    )
    stolen = hub.keys[SENDER]
    for place in (tmp_path, tmp_path / "credentials"):
        place.mkdir(exist_ok=True)
    (tmp_path / "x.key.pem").write_bytes(stolen.key_pem)
    (tmp_path / "x.cert.pem").write_bytes(stolen.cert_pem)
    message_set = read_set(home)
    renderer = Renderer(message_set, {}, run="1", now=NOW, credentials=tmp_path / "credentials")
    with pytest.raises(UsageFault) as told:
        renderer.render(message_set.step[0])
    assert "--credentials" in told.value.vi
    assert "--credentials" in told.value.en


# ── The spool ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_spool_folder_that_others_may_enter_is_closed_to_them(tmp_path: Path) -> None:
    place = tmp_path / "spool"
    place.mkdir()
    place.chmod(0o755)
    Spool.open(place).close()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_value_that_the_spool_cannot_hold_is_not_quoted(tmp_path: Path, hub: hub_desk.Desk) -> None:
    settings = settings_of("vpcp", hub, tmp_path)
    with Spool.open(settings.spool) as spool:
        desk = AgentDesk(settings, spool)
        sent = desk.send(a_document())
        assert isinstance(sent, str)
        with pytest.raises(SpoolUnavailable) as told:
            spool.mark_failed(sent, SECRET, retry_at=SECRET)  # type: ignore[arg-type]  # what a mistake would do
    assert SECRET not in "".join(traceback.format_exception(told.value))
