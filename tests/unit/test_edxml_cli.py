"""`edxml` as people and scripts use it: what it prints where, what it writes, and how it exits."""

import hashlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edxml_schemas
from edxml_schemas import cli
from edxml_schemas.commands.shapes import judgement_shape
from edxml_schemas.findings import FindingCode
from edxml_schemas.judgement import judge
from tests.support.pki import Pki

SAMPLES = Path(edxml_schemas.__file__).parent / "samples"
COMMANDS = ("check", "show", "pack", "extract", "sign", "verify", "codes")


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
    def _run(*arguments: object, stdin: bytes | None = None) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["edxml", *map(str, arguments)])
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        assert "Traceback" not in printed.err
        return Outcome(code, printed.out, printed.err)

    return _run


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    now = datetime.now(UTC)
    made = Pki(now)
    sender, revoked = made.issue("Cơ quan A"), made.issue("Cơ quan B", kind="rsa")
    made.revoke(revoked, now - timedelta(hours=1))
    made.write(folder, {"a": sender, "b": revoked})
    (folder / "a.locked.pem").write_bytes(sender.encrypted_key_pem("bí mật".encode()))
    (folder / "password").write_text("bí mật\n", encoding="utf-8")
    return folder


@pytest.fixture
def signed(run: Run, pki: Path, tmp_path: Path) -> Path:
    return sign(run, pki, "a", tmp_path)


def sign(run: Run, pki: Path, who: str, folder: Path) -> Path:
    out = folder / f"{who}.edxml"
    source = SAMPLES / "document-unsigned.edxml"
    done = run("sign", source, "--key", pki / f"{who}.key.pem", "--cert", pki / f"{who}.cert.pem", "-o", out)
    assert done.code == 0, done.err
    return out


def trust(pki: Path) -> list[object]:
    return [
        *("--ca", pki / "anchors/root.pem", "--intermediate", pki / "intermediates/issuing.pem"),
        *("--crl", pki / "crls/root.crl", "--crl", pki / "crls/issuing.crl"),
    ]


# Help and usage


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example_and_the_exit_codes(run: Run, command: str) -> None:
    shown = run(command, "--help")
    assert shown.code == 0
    assert f"edxml {command}" in shown.out
    assert "exit codes: 0" in shown.out
    assert "--json" in shown.out
    assert "--lang" in shown.out


def test_the_help_names_every_command_and_exit_code(run: Run) -> None:
    shown = run("--help")
    assert all(command in shown.out for command in COMMANDS)
    words = shown.out.split()
    assert all(code in words for code in "0123")


def test_the_version_is_that_of_the_distribution(run: Run) -> None:
    shown = run("--version")
    assert shown.code == 0
    assert shown.out.startswith("edxml ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("check", "--no-such-option"),
        ("no-such-command",),
        ("check", "no-such-file.edxml"),
        ("show", "."),
        ("pack", "no-such.toml", "-o", "x"),
        ("extract", SAMPLES / "document-signed.edxml"),
        ("check", SAMPLES / "document-signed.edxml", "--lang", "fr"),
    ],
)
def test_a_slip_of_usage_exits_2_and_prints_nothing_on_stdout(run: Run, arguments: tuple[object, ...]) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err


def test_what_breaks_exits_3_without_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edxml_schemas.commands.check.read_input", broken)
    ended = run("check", "x.edxml")
    assert ended.code == 3
    assert "No space left" in ended.err
    assert "--verbose" in ended.err


def test_verbose_shows_where_it_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edxml_schemas.commands.check.read_input", broken)
    monkeypatch.setattr(sys, "argv", ["edxml", "check", "x.edxml", "--verbose"])
    with pytest.raises(OSError, match="No space"):
        cli.main()


def test_starting_up_imports_nothing_heavy() -> None:
    heavy = "lxml, cryptography, xmlschema, rich, pybase64"
    code = f"import sys, edxml_schemas.cli; print([x for x in '{heavy}'.split(', ') if x in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# check


@pytest.mark.parametrize(
    ("name", "verdict", "state", "codes"),
    [
        ("document-signed", "accepted", "sound", []),
        ("status-signed", "accepted", "sound", []),
        ("document-unsigned", "accepted-if-signed", "missing", []),
        ("document-decorative", "accepted-if-signed", "decorative", []),
        ("status-unsigned", "accepted-if-signed", "missing", []),
        ("document-stray-bytes", "refused", "missing", ["xml.leading-bytes"]),
        (
            "document-schema-faults",
            "refused",
            "missing",
            ["recipient.repeated", "schema.bad-value", "schema.missing-element"],
        ),
        ("document-attachment-faults", "refused", "missing", ["attachment.bad-base64", "attachment.missing"]),
        ("document-forged", "refused", "broken", []),
    ],
)
def test_check_tells_the_verdict_and_every_fault(
    run: Run, name: str, verdict: str, state: str, codes: list[str]
) -> None:
    ended = run("check", SAMPLES / f"{name}.edxml", "--json")
    (shape,) = ended.json
    assert shape["verdict"] == verdict
    assert shape["signature"]["state"] == state
    assert sorted(each["code"] for each in shape["schema"] + shape["attachments"]) == codes
    assert ended.code == (0 if verdict == "accepted" else 1)
    assert shape["would_be_accepted_if"]
    assert shape["digest"] == hashlib.sha256((SAMPLES / f"{name}.edxml").read_bytes()).hexdigest()
    for each in shape["schema"] + shape["attachments"] + shape["signature"]["findings"]:
        assert "…" not in each["message"]["vi"].replace("&lt;", "")
        assert each["message"]["en"]
        assert each["remedy"]["vi"]
        assert each["remedy"]["en"]


def test_check_json_is_always_an_array_and_says_who_and_what(run: Run) -> None:
    names = [SAMPLES / "document-signed.edxml", SAMPLES / "status-unsigned.edxml"]
    ended = run("check", *names, "--json")
    document, status = ended.json
    assert ended.code == 1
    assert (document["kind"], status["kind"]) == ("edoc", "status")
    assert document["document"]["document_id"] == "000.00.00.X01,2026/11/20,125/CQM1-VP"
    assert document["document"]["to"] == ["000.00.00.X02", "X03.08.13"]
    assert status["document"]["status_code"] == "03"
    assert document["signature"]["certificate"]["subject"].startswith("CN=")
    assert set(document) == {
        *("file", "verdict", "kind", "summary", "would_be_accepted_if", "lgsp", "schema", "attachments"),
        *("signature", "remarks", "document", "digest", "size"),
    }


def test_check_prints_place_value_and_remedy_in_both_languages(run: Run) -> None:
    shown = run("check", SAMPLES / "document-schema-faults.edxml").out
    assert "/edXML:MessageHeader/edXML:DueDate" in shown
    assert "dòng " in shown
    assert "“15/12/2026”" in shown
    assert "lỗi định dạng" in shown
    assert "schema faults" in shown
    assert "would be accepted if" in shown


@pytest.mark.parametrize(("lang", "there", "absent"), [("vi", "Sẽ được nhận", "would be"), ("en", "would be", "Sẽ")])
def test_check_speaks_one_language_when_asked(run: Run, lang: str, there: str, absent: str) -> None:
    shown = run("check", SAMPLES / "document-unsigned.edxml", "--lang", lang).out
    assert there in shown
    assert absent not in shown


def test_check_shows_stray_bytes_and_judges_what_is_behind_them(run: Run) -> None:
    data = b"1212" + (SAMPLES / "document-schema-faults.edxml").read_bytes()
    (shape,) = run("check", "-", "--json", stdin=data).json
    codes = [each["code"] for each in shape["schema"]]
    assert codes[0] == "xml.leading-bytes"
    assert "1212" in shape["schema"][0]["message"]["vi"]
    assert "31 32 31 32" in shape["schema"][0]["message"]["vi"]
    assert "schema.missing-element" in codes
    conditions = [each["en"] for each in shape["would_be_accepted_if"]]
    assert "4 stray bytes" in conditions[0]
    assert "3 schema faults" in conditions[1]
    assert "signed" in conditions[2]


def test_lines_count_from_the_top_of_the_file_also_behind_stray_lines(run: Run) -> None:
    data = (SAMPLES / "document-schema-faults.edxml").read_bytes()
    (plain,) = run("check", "-", "--json", stdin=data).json
    (behind,) = run("check", "-", "--json", stdin=b"0000\n\n" + data).json
    assert [each["line"] + 2 for each in plain["schema"]] == [each["line"] for each in behind["schema"][1:]]


def test_faults_of_header_and_attachments_are_named_together(run: Run) -> None:
    data = (SAMPLES / "document-attachment-faults.edxml").read_bytes()
    (shape,) = run("check", "-", "--json", stdin=data.replace(b"2026/12/15", b"15/12/2026")).json
    assert [each["code"] for each in shape["schema"]] == ["schema.bad-value"]
    assert [each["code"] for each in shape["attachments"]] == ["attachment.missing", "attachment.bad-base64"]


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"%PDF-1.7", b"<a/>", b"1212", b"1212<", b"<edXML", b"\xff\xfe<\x00", b"{" * 9, b"<?xml "]
)
def test_check_answers_to_any_bytes(run: Run, data: bytes) -> None:
    ended = run("check", "-", "--json", stdin=data)
    assert ended.code == 1
    (shape,) = ended.json
    assert shape["verdict"] == "refused"
    assert shape["schema"]
    assert run("check", "-", stdin=data).code == 1
    assert run("show", "-", stdin=data).code == 1


_TAG = re.compile(rb"<(/?)([\w:]+)[^>]*>")
_DIRT = (b"", b"<zz/>", b"<!-- c -->", b"text", b"<?pi x?>", b"<x:a/>", b"\xff", b"\0", b"&x;", b"9" * 5000, b"]]>")


@given(
    name=st.sampled_from(sorted(each.name for each in SAMPLES.glob("*.edxml"))),
    cuts=st.lists(st.tuples(st.integers(0, 200), st.sampled_from(_DIRT), st.booleans()), min_size=1, max_size=4),
)
@settings(max_examples=150, deadline=None)
def test_every_fault_of_a_damaged_envelope_can_be_told_in_both_languages(
    name: str, cuts: list[tuple[int, bytes, bool]]
) -> None:
    data = (SAMPLES / name).read_bytes()
    for number, dirt, swallow in cuts:
        tags = list(_TAG.finditer(data))
        if tags:
            tag = tags[number % len(tags)]
            data = data[: tag.start() if swallow else tag.end()] + dirt + data[tag.end() :]
    shape = judgement_shape(name, judge(data))
    json.dumps(shape)
    assert shape["would_be_accepted_if"]
    if shape["verdict"] == "refused":
        assert shape["lgsp"]


# show


def test_show_tells_what_a_document_holds(run: Run) -> None:
    shown = run("show", SAMPLES / "document-signed.edxml")
    assert shown.code == 0
    for there in ("125/CQM1-VP", "V/v mời dự họp", "000.00.00.X02", "X03.08.13", "phu-luc.docx", "ecdsa-sha256", "CN="):
        assert there in shown.out


def test_show_json_has_every_field_under_the_keys_of_a_draft(run: Run) -> None:
    shape = run("show", SAMPLES / "document-signed.edxml", "--json").json
    assert shape["document"]["from"]["organ_id"] == "000.00.00.X01"
    assert [each["organ_id"] for each in shape["document"]["to"]] == ["000.00.00.X02", "X03.08.13"]
    assert shape["document"]["promulgation_info"]["promulgation_date"] == "2026-11-20"
    pdf = (SAMPLES / "drafts/van-ban/cong-van.pdf").read_bytes()
    assert hashlib.sha256(pdf).hexdigest() in [each["digest"] for each in shape["attachments"]]
    assert shape["signature"]["state"] == "sound"


def test_show_tells_a_status(run: Run) -> None:
    shown = run("show", SAMPLES / "status-unsigned.edxml", "--lang", "vi")
    assert shown.code == 0
    assert "03 (Đã tiếp nhận)" in shown.out
    assert run("show", SAMPLES / "status-unsigned.edxml", "--json").json["attachments"] == []


def test_show_of_an_unreadable_file_names_the_faults_on_stderr(run: Run) -> None:
    ended = run("show", SAMPLES / "document-schema-faults.edxml")
    assert ended.code == 1
    assert ended.out == ""
    assert "schema.bad-value" in ended.err
    faults = run("show", SAMPLES / "document-schema-faults.edxml", "--json")
    assert faults.code == 1
    assert faults.json["findings"]


# pack


def test_a_packed_folder_is_accepted_once_signed(run: Run, pki: Path, tmp_path: Path) -> None:
    packed, sealed = tmp_path / "deep/packed.edxml", tmp_path / "signed.edxml"
    done = run("pack", SAMPLES / "drafts/van-ban", "-o", packed)
    assert done.code == 0
    assert done.out.strip() == str(packed)
    assert run("check", packed, "--json").json[0]["verdict"] == "accepted-if-signed"
    keys = ("--key", pki / "a.key.pem", "--cert", pki / "a.cert.pem")
    assert run("sign", packed, *keys, "-o", sealed).code == 0
    assert run("check", sealed).code == 0


def test_pack_takes_metadata_and_files(run: Run, tmp_path: Path) -> None:
    folder = SAMPLES / "drafts/van-ban"
    packed = tmp_path / "packed.edxml"
    done = run("pack", folder / "document.toml", folder / "cong-van.pdf", "-o", packed, "--json")
    assert done.code == 0
    assert done.json["digest"] == hashlib.sha256(packed.read_bytes()).hexdigest()
    names = [each["name"] for each in run("show", packed, "--json").json["attachments"]]
    assert names == ["phu-luc.docx", "cong-van.pdf"]


def test_pack_makes_a_status(run: Run, tmp_path: Path) -> None:
    assert run("pack", SAMPLES / "drafts/trang-thai/status.toml", "-o", tmp_path / "s.edxml").code == 0
    assert run("check", tmp_path / "s.edxml", "--json").json[0]["kind"] == "status"


def test_pack_names_every_problem_of_a_draft_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    meta, out = tmp_path / "document.toml", tmp_path / "out.edxml"
    meta.write_text('subjet = "x"\nfrom.organ_id = "G22"', encoding="utf-8")
    told = run("pack", meta, "-o", out)
    assert told.code == 1
    assert told.out == ""
    assert "“subject”" in told.err
    assert "document.toml: subjet" in told.err
    problems = run("pack", meta, "-o", out, "--json")
    assert problems.code == 1
    assert {each["where"] for each in problems.json["problems"]} >= {"subjet", "to", "subject"}
    assert not out.exists()


def test_pack_does_not_overwrite_without_force(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.edxml"
    out.write_text("precious")
    refused = run("pack", SAMPLES / "drafts/van-ban", "-o", out)
    assert refused.code == 2
    assert "--force" in refused.err
    assert out.read_text() == "precious"
    assert run("pack", SAMPLES / "drafts/van-ban", "-o", out, "--force").code == 0
    assert out.read_bytes().startswith(b"<?xml")
    assert [each.name for each in tmp_path.iterdir()] == ["out.edxml"]


def test_pack_writes_to_stdout(run: Run) -> None:
    done = run("pack", SAMPLES / "drafts/van-ban", "-o", "-")
    assert done.code == 0
    assert done.out.startswith("<?xml")
    assert run("check", "-", "--json", stdin=done.out.encode()).json[0]["verdict"] == "accepted-if-signed"


def test_nothing_half_written_stays_when_writing_breaks(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert run("pack", SAMPLES / "drafts/van-ban", "-o", tmp_path / "file/out.edxml").code == 3
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


# extract


def test_extract_writes_the_files_as_they_were(run: Run, tmp_path: Path) -> None:
    done = run("extract", SAMPLES / "document-signed.edxml", "-o", tmp_path / "files")
    assert done.code == 0
    assert sorted(each.name for each in (tmp_path / "files").iterdir()) == ["cong-van.pdf", "phu-luc.docx"]
    for name in ("cong-van.pdf", "phu-luc.docx"):
        assert (tmp_path / "files" / name).read_bytes() == (SAMPLES / "drafts/van-ban" / name).read_bytes()
    assert done.out.splitlines() == [str(tmp_path / "files" / name) for name in ("phu-luc.docx", "cong-van.pdf")]


def test_extract_overwrites_only_by_force_and_all_or_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cong-van.pdf").write_text("precious")
    refused = run("extract", SAMPLES / "document-signed.edxml", "-o", tmp_path)
    assert refused.code == 2
    assert [each.name for each in tmp_path.iterdir()] == ["cong-van.pdf"]
    assert (tmp_path / "cong-van.pdf").read_text() == "precious"
    forced = run("extract", SAMPLES / "document-signed.edxml", "-o", tmp_path, "--force", "--json")
    assert forced.code == 0
    assert len(forced.json["written"]) == 2


@pytest.mark.parametrize("name", ["../../evil.pdf", "/etc/evil.pdf", "..\\..\\evil.pdf", "..", "a/../../evil.pdf"])
def test_extract_never_leaves_the_folder(run: Run, tmp_path: Path, name: str) -> None:
    data = (SAMPLES / "document-unsigned.edxml").read_bytes()
    folder = tmp_path / "x/y/z"
    ended = run("extract", "-", "-o", folder, stdin=data.replace(b"cong-van.pdf", name.encode()))
    assert ended.code == 0
    written = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert len(written) == 2
    assert all(each.parent == folder for each in written)


def test_extract_does_not_write_through_a_link(run: Run, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/cong-van.pdf").symlink_to(tmp_path / "precious")
    assert run("extract", SAMPLES / "document-signed.edxml", "-o", tmp_path / "out").code == 2
    assert run("extract", SAMPLES / "document-signed.edxml", "-o", tmp_path / "out", "--force").code == 0
    assert (tmp_path / "precious").read_text() == "precious"


def test_files_of_the_same_name_are_both_written(run: Run, tmp_path: Path) -> None:
    data = (SAMPLES / "document-unsigned.edxml").read_bytes().replace(b"phu-luc.docx", b"cong-van.pdf")
    assert run("extract", "-", "-o", tmp_path, stdin=data).code == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_extract_leaves_a_forged_document_alone(run: Run, tmp_path: Path) -> None:
    ended = run("extract", SAMPLES / "document-forged.edxml", "-o", tmp_path / "out")
    assert ended.code == 1
    assert "signature.digest-mismatch" in ended.err
    assert not (tmp_path / "out").exists()
    assert run("extract", SAMPLES / "document-forged.edxml", "-o", tmp_path / "out", "--even-if-broken").code == 0


def test_extract_of_faulty_attachments_writes_nothing(run: Run, tmp_path: Path) -> None:
    ended = run("extract", SAMPLES / "document-attachment-faults.edxml", "-o", tmp_path / "out", "--json")
    assert ended.code == 1
    assert "attachment.bad-base64" in [each["code"] for each in ended.json["findings"]]
    assert not (tmp_path / "out").exists()


def test_extract_of_a_status_writes_nothing(run: Run, tmp_path: Path) -> None:
    ended = run("extract", SAMPLES / "status-signed.edxml", "-o", tmp_path / "out", "--json")
    assert ended.code == 0
    assert ended.json["written"] == []


# sign and verify


@pytest.mark.parametrize("name", ["document-unsigned", "document-decorative", "document-forged", "status-unsigned"])
def test_what_is_signed_is_sound(run: Run, pki: Path, tmp_path: Path, name: str) -> None:
    keys = ("--key", pki / "a.key.pem", "--cert", pki / "a.cert.pem")
    done = run("sign", SAMPLES / f"{name}.edxml", *keys, "-o", tmp_path / "s.edxml", "--json")
    assert done.code == 0
    assert done.json["digest"] == hashlib.sha256((tmp_path / "s.edxml").read_bytes()).hexdigest()
    assert run("check", tmp_path / "s.edxml").code == 0


@pytest.mark.parametrize("name", ["document-stray-bytes", "document-schema-faults", "document-attachment-faults"])
def test_an_envelope_with_other_faults_is_not_signed(run: Run, pki: Path, tmp_path: Path, name: str) -> None:
    keys = ("--key", pki / "a.key.pem", "--cert", pki / "a.cert.pem")
    ended = run("sign", SAMPLES / f"{name}.edxml", *keys, "-o", tmp_path / "s.edxml")
    assert ended.code == 1
    assert "[" in ended.err
    assert not (tmp_path / "s.edxml").exists()


def test_a_locked_key_needs_its_password(run: Run, pki: Path, tmp_path: Path) -> None:
    source = SAMPLES / "document-unsigned.edxml"
    keys = ("--key", pki / "a.locked.pem", "--cert", pki / "a.cert.pem", "-o", tmp_path / "s.edxml")
    assert run("sign", source, *keys).code == 2
    assert run("sign", source, *keys, "--password-file", pki / "password").code == 0


@pytest.mark.parametrize(("key", "cert"), [("a.key.pem", "b.cert.pem"), ("a.cert.pem", "a.cert.pem"), ("none", "none")])
def test_a_key_that_does_not_fit_is_a_slip_of_usage(run: Run, pki: Path, tmp_path: Path, key: str, cert: str) -> None:
    source = SAMPLES / "document-unsigned.edxml"
    ended = run("sign", source, "--key", pki / key, "--cert", pki / cert, "-o", tmp_path / "s.edxml")
    assert ended.code == 2
    assert not (tmp_path / "s.edxml").exists()


def test_a_good_signature_of_a_good_certificate_is_verified(run: Run, pki: Path, signed: Path) -> None:
    told = run("verify", signed, *trust(pki), "--json")
    assert told.code == 0, told.out
    assert (told.json["integrity"], told.json["trust"]) == ("good", "good")
    assert len(told.json["path"]) >= 2
    shown = run("verify", signed, *trust(pki))
    assert shown.code == 0
    assert "chứng thư được tin cậy" in shown.out


def test_a_forged_document_is_not_verified(run: Run, pki: Path, signed: Path) -> None:
    signed.write_bytes(signed.read_bytes().replace(b"<edXML:CodeNumber>125", b"<edXML:CodeNumber>126"))
    told = run("verify", signed, *trust(pki), "--json")
    assert told.code == 1
    assert told.json["integrity"] == "bad"
    assert told.json["findings"][0]["code"] == FindingCode.SIGNATURE_DIGEST.value
    assert run("verify", signed, *trust(pki)).code == 1


def test_an_unsigned_document_is_not_verified(run: Run, pki: Path) -> None:
    told = run("verify", SAMPLES / "document-unsigned.edxml", *trust(pki), "--json")
    assert told.code == 1
    assert told.json["findings"][0]["code"] == FindingCode.SIGNATURE_MISSING.value


def test_a_revoked_certificate_is_bad(run: Run, pki: Path, tmp_path: Path) -> None:
    told = run("verify", sign(run, pki, "b", tmp_path), *trust(pki), "--json")
    assert told.code == 1
    assert (told.json["integrity"], told.json["trust"]) == ("good", "bad")
    assert "trust.revoked" in [each["code"] for each in told.json["findings"]]


def test_unknown_revocation_is_neither_good_nor_bad(run: Run, pki: Path, signed: Path) -> None:
    without = trust(pki)[:4]
    told = run("verify", signed, *without, "--json")
    assert told.code == 1
    assert told.json["trust"] == "unknown"
    assert run("verify", signed, *without).code == 1
    assert run("verify", signed, *without, "--no-revocation").code == 0


def test_a_foreign_root_is_bad(run: Run, signed: Path, tmp_path: Path) -> None:
    Pki(datetime.now(UTC), name="Khác").write(tmp_path / "other")
    told = run("verify", signed, *trust(tmp_path / "other"), "--json")
    assert told.code == 1
    assert told.json["trust"] == "bad"


def test_a_certificate_is_judged_at_the_moment_asked_for(run: Run, pki: Path, signed: Path) -> None:
    later = (datetime.now(UTC) + timedelta(days=36500)).strftime("%Y-%m-%dT%H:%M:%S")
    told = run("verify", signed, *trust(pki)[:4], "--no-revocation", "--at", later, "--json")
    assert told.code == 1
    assert "trust.expired" in [each["code"] for each in told.json["findings"]]


@pytest.mark.parametrize("option", ["--ca", "--intermediate", "--crl"])
def test_a_file_that_is_no_certificate_is_a_slip_of_usage(
    run: Run, pki: Path, signed: Path, tmp_path: Path, option: str
) -> None:
    (tmp_path / "junk").write_bytes(b"-----BEGIN junk-----")
    assert run("verify", signed, *trust(pki), option, tmp_path / "junk").code == 2
    (tmp_path / "junk").write_bytes(b"junk")
    assert run("verify", signed, *trust(pki), option, tmp_path / "junk").code == 2


# codes


def test_codes_prints_the_whole_catalogue(run: Run) -> None:
    listed = run("codes", "--json")
    assert listed.code == 0
    assert [each["code"] for each in listed.json] == [each["code"] for each in listed.json if each["message"]["vi"]]
    assert {each["code"] for each in listed.json} == {code.value for code in FindingCode}
    shown = run("codes", "--lang", "vi")
    assert shown.code == 0
    assert "recipient.locked" in shown.out
    assert "{" in shown.out
    assert "[" not in shown.out
