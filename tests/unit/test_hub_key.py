"""The hub's key: made private and once, and refused with a remedy when it could not be trusted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edxml_schemas.receipts import Receipt, ReceiptKind, encode_receipt
from edxml_schemas.signed_receipts import HubTrust, common_name, verify_receipt
from router.adapters.hub_key import load_hub_key, make_hub_key
from router.app.parts import open_hub_key
from router.cli import main
from router.errors import UsageProblem
from router.settings import load_settings
from tests.support.pki import Credential, Pki, usages

NOW = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_hub_key(key=tmp_path / "k.pem", certificate=tmp_path / "c.pem", name="Trục", now=NOW)
    return tmp_path


def load(folder: Path, *, now: datetime = NOW) -> object:
    return load_hub_key(key=folder / "k.pem", certificate=folder / "c.pem", folder=folder, now=now)


def put(folder: Path, credential: Credential) -> None:
    (folder / "k.pem").write_bytes(credential.key_pem)
    (folder / "c.pem").write_bytes(credential.cert_pem)


def refused(folder: Path, *, now: datetime = NOW) -> UsageProblem:
    with pytest.raises(UsageProblem) as told:
        load(folder, now=now)
    return told.value


def test_a_new_key_is_private_and_its_certificate_serves_ten_years_for_signing(home: Path) -> None:
    assert (home / "k.pem").stat().st_mode & 0o777 == 0o600
    certificate = x509.load_pem_x509_certificate((home / "c.pem").read_bytes())
    assert common_name(certificate) == "Trục"
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    assert certificate.not_valid_after_utc - NOW > timedelta(days=3650)
    assert certificate.not_valid_before_utc < NOW
    assert certificate.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature


def test_what_the_key_signs_is_believed_by_who_pinned_its_certificate(home: Path) -> None:
    pen = load_hub_key(key=home / "k.pem", certificate=home / "c.pem", folder=home, now=NOW)
    receipt = Receipt(
        receipt_id="r", kind=ReceiptKind.REFUSED, digest="0" * 64, size=0, received_at=NOW, decided_at=NOW
    )
    hub = HubTrust.from_pem((home / "c.pem").read_bytes())
    assert verify_receipt(pen.sign(encode_receipt(receipt)), hub) == receipt


def test_neither_key_nor_certificate_is_ever_overwritten(home: Path) -> None:
    before = [(home / name).read_bytes() for name in ("k.pem", "c.pem")]
    for key, certificate in (("k.pem", "other.pem"), ("other.pem", "c.pem")):
        with pytest.raises(UsageProblem):
            make_hub_key(key=home / key, certificate=home / certificate, name="x", now=NOW)
    assert [(home / name).read_bytes() for name in ("k.pem", "c.pem")] == before
    assert not (home / "other.pem").exists()


@pytest.mark.parametrize("name", ["k.pem", "c.pem"])
def test_a_missing_file_is_told_with_the_command_that_makes_it(home: Path, name: str) -> None:
    (home / name).unlink()
    told = refused(home)
    assert name in told.en
    assert f"truc init --key {home}" in told.remedy_en
    assert f"truc init --key {home}" in told.remedy_vi


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(home: Path, mode: int) -> None:
    (home / "k.pem").chmod(mode)
    assert "chmod 600" in refused(home).remedy_en


def test_the_certificate_of_another_key_is_refused(home: Path) -> None:
    (home / "c.pem").write_bytes(Pki(NOW).self_signed("Khác").cert_pem)
    assert "does not belong" in refused(home).en


@pytest.mark.parametrize("name", ["k.pem", "c.pem"])
@pytest.mark.parametrize("content", [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\n"])
def test_rubbish_is_refused_in_words(home: Path, name: str, content: bytes) -> None:
    (home / name).write_bytes(content)
    assert name in refused(home).vi


def test_a_key_of_a_kind_that_the_profile_does_not_know_is_refused(home: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    (home / "k.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert "RSA" in refused(home).en


def test_a_certificate_that_is_not_for_signing_is_refused(home: Path) -> None:
    put(home, Pki(NOW).issue("Trục", key_usage=usages("key_agreement")))
    assert "digitalSignature" in refused(home).remedy_en


def test_an_authoritys_own_certificate_is_refused(home: Path) -> None:
    put(home, Pki(NOW).issuing.credential)
    assert "certificate" in refused(home).en


@pytest.mark.parametrize("now", [NOW + timedelta(days=366), NOW - timedelta(days=2)])
def test_a_certificate_out_of_its_time_is_refused(home: Path, now: datetime) -> None:
    put(home, Pki(NOW).issue("Trục"))
    assert isinstance(load(home), object)
    refused(home, now=now)


@pytest.mark.parametrize("kind", ["rsa", "ec384"])
def test_a_certificate_issued_elsewhere_serves_without_key_usage_too(home: Path, kind: str) -> None:
    put(home, Pki(NOW).issue("Trục", kind=kind, key_usage=None))  # type: ignore[arg-type]  # of pytest's list
    load(home)


# ── truc init, truc run ─────────────────────────────────────────────────────────────────────────────────────────────


def test_init_makes_the_key_and_says_where_the_certificate_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "hub"
    with pytest.raises(SystemExit) as ended:
        main(["init", str(folder)])
    assert not ended.value.code
    assert str(folder / "hub" / "hub.cert.pem") in capsys.readouterr().err
    pen = open_hub_key(load_settings(folder / "truc.toml"))
    assert common_name(pen.signer.certificate) == "truc-lien-thong"


def test_a_hub_without_a_key_does_not_start_and_says_what_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "truc.toml"
    config.write_text('hub = "Trục cũ"\n', encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["run", "--config", str(config)])
    assert ended.value.code == 2
    assert f"truc init --key {tmp_path}" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["init", "--key", str(tmp_path)])
    assert not ended.value.code
    assert common_name(open_hub_key(load_settings(config)).signer.certificate) == "Trục cũ"
    with pytest.raises(SystemExit) as ended:
        main(["init", "--key", str(tmp_path)])
    assert ended.value.code == 2


def test_a_hub_that_is_set_up_by_its_environment_gets_a_key_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUC_HUB", "Trục trong hộp")
    with pytest.raises(SystemExit) as ended:
        main(["init", "--key", str(tmp_path)])
    assert not ended.value.code
    certificate = x509.load_pem_x509_certificate((tmp_path / "hub" / "hub.cert.pem").read_bytes())
    assert common_name(certificate) == "Trục trong hộp"
