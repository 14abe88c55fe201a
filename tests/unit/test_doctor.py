"""What the doctor says of files, certificates, clocks and databases. The broker's room is in the integration tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edxml_schemas.trust import TrustMaterial
from router.adapters.sql.migrate import upgrade
from router.core.registry import CertificateRecord
from router.core.seals import Seal
from router.doctor import certificates, clocks, database, files
from router.doctor.diagnosis import Diagnosis, Health, bad, good, mended, warning, worst
from router.settings import Settings
from tests.support.envelopes import a_document
from tests.support.hub_desk import Desk
from tests.support.pki import Pki

NOW = datetime(2026, 10, 1, tzinfo=UTC)


def healths(found: list[Diagnosis]) -> list[Health]:
    return [each.health for each in found]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(folder=tmp_path)


def test_the_worst_finding_decides() -> None:
    found = [good("a", "x", "x"), mended("a", "x", "x"), warning("a", "x", "x"), bad("a", "x", "x")]
    told = [worst(found[:count]) for count in range(5)]
    assert told == [Health.GOOD, Health.GOOD, Health.MENDED, Health.WARNING, Health.BAD]


def test_missing_folders_are_named_and_made_on_request(settings: Settings) -> None:
    assert healths(files.look(settings, repair=False)) == [Health.WARNING, Health.WARNING]
    assert not settings.payload_path.exists()
    assert Health.MENDED in healths(files.look(settings, repair=True))
    assert settings.payload_path.is_dir()
    files.look(settings, repair=True)
    assert healths(files.look(settings, repair=False)) == [Health.GOOD]


def test_a_data_folder_that_others_may_enter_is_closed_on_request(settings: Settings) -> None:
    settings.payload_path.mkdir(parents=True)
    settings.data_path.chmod(0o755)
    settings.payload_path.chmod(0o750)
    (found,) = files.look(settings, repair=False)
    assert found.repairable
    files.look(settings, repair=True)
    assert settings.data_path.stat().st_mode & 0o777 == 0o750


def test_lost_and_altered_payloads_are_named() -> None:
    desk = Desk()
    whole = desk.accept(a_document())
    lost = replace(whole, id="lost", payload="seg:memory.seg:99:10")
    altered = replace(whole, id="altered", digest="0" * 64)
    assert healths(files.look_at_payloads(desk.payloads, [whole])) == [Health.GOOD]
    (found,) = files.look_at_payloads(desk.payloads, [whole, lost, altered])
    assert found.health is Health.BAD
    assert "lost, altered" in found.en


def test_a_database_that_is_not_there_or_old_is_brought_up_on_request(settings: Settings) -> None:
    assert healths(database.look(settings, repair=False)) == [Health.BAD]
    settings.data_path.mkdir()
    assert healths(database.look(settings, repair=True)) == [Health.MENDED]
    assert healths(database.look(settings, repair=False)) == [Health.GOOD]


def test_a_damaged_database_is_said_to_be_damaged(settings: Settings) -> None:
    settings.data_path.mkdir()
    upgrade(settings.database)
    path = settings.data_path / "truc.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    assert healths(database.look(settings, repair=False)) == [Health.BAD]


def test_without_anchors_and_lists_nothing_can_be_accepted() -> None:
    found = certificates.look_at_trust(TrustMaterial(anchors=()), now=NOW)
    assert healths(found) == [Health.BAD, Health.BAD]
    assert "trust/anchors" in found[0].remedy_en


def test_lists_and_certificates_that_end_are_named() -> None:
    pki = Pki(NOW)
    material = TrustMaterial(anchors=(pki.root.cert,), intermediates=pki.chain, crls=tuple(pki.crls()))
    assert certificates.look_at_trust(material, now=NOW) == []
    found = certificates.look_at_trust(material, now=pki.root.cert.not_valid_after_utc + timedelta(days=1))
    assert set(healths(found)) == {Health.BAD, Health.WARNING}


def test_the_last_certificate_of_an_organ_counts() -> None:
    pki = Pki(NOW)
    keys = [pki.issue("Sở Y tế"), pki.issue("Sở Y tế")]
    records = [
        CertificateRecord(organ="H41", fingerprint=each.fingerprint, subject="x", pem=each.cert_pem.decode())
        for each in keys
    ]
    end = max(each.cert.not_valid_after_utc for each in keys)
    assert certificates.look_at_organs(records, now=end - timedelta(days=100)) == []
    assert healths(certificates.look_at_organs(records, now=end - timedelta(days=10))) == [Health.WARNING]
    assert healths(certificates.look_at_organs(records, now=end + timedelta(days=1))) == [Health.BAD]


def test_many_organs_whose_certificates_end_are_counted() -> None:
    key = Pki(NOW).issue("Sở Y tế")
    records = [
        CertificateRecord(organ=f"H{n}", fingerprint=key.fingerprint, subject="x", pem=key.cert_pem.decode())
        for n in range(certificates.MOST + 5)
    ]
    found = certificates.look_at_organs(records, now=key.cert.not_valid_after_utc + timedelta(days=1))
    assert len(found) == certificates.MOST + 1
    assert "5 other organs" in found[-1].en


def test_a_seal_of_the_future_means_that_this_clock_is_behind(settings: Settings) -> None:
    settings.data_path.mkdir()
    seal = Seal(
        number=1,
        first_seq=1,
        last_seq=1,
        count=1,
        root="0" * 64,
        previous="0" * 64,
        sealed_at=NOW + timedelta(minutes=1),
        digest="0" * 64,
        signature=b"",
        certificate=b"",
    )
    assert healths(clocks.look(settings, now=NOW, newest_seal=seal)) == [Health.BAD]
    assert healths(clocks.look(settings, now=NOW + timedelta(minutes=2), newest_seal=seal)) == [Health.GOOD]
