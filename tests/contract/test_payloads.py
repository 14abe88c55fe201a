"""What every payload store must do, and what files must survive."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.adapters.memory_store import MemoryPayloads
from router.adapters.payloads import HEAD, BlobRefused, FilePayloads
from router.ports import PayloadUnavailable

LETTER = "Kính gửi: Bộ Giao thông vận tải".encode()
DIGEST = hashlib.sha256(LETTER).hexdigest()

AnyPayloads = MemoryPayloads | FilePayloads


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def files(folder: Path) -> Iterator[FilePayloads]:
    opened = FilePayloads(folder, "worker-1")
    yield opened
    opened.close()


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "segments").iterdir())


def test_envelopes_come_back_as_they_went_in(payloads: AnyPayloads) -> None:
    envelopes = [LETTER, b"", b"\x00" * 5000, LETTER]

    references = payloads.append(envelopes)

    assert [payloads.read(each) for each in references] == envelopes
    assert len(set(references)) == 4
    assert all(each.startswith("seg:") for each in references)


def test_nothing_appended_is_nothing_referenced(payloads: AnyPayloads) -> None:
    assert payloads.append([]) == ()


def test_later_batches_leave_earlier_ones_as_they_were(payloads: AnyPayloads) -> None:
    first = payloads.append([b"one", b"two"])
    second = payloads.append([b"three"])

    assert [payloads.read(each) for each in (*first, *second)] == [b"one", b"two", b"three"]


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "seg:",
        "seg:worker-1-1.seg:0",
        "seg:worker-1-9.seg:0:5",
        "seg:worker-1-1.seg:-1:5",
        "seg:worker-1-1.seg:0:99999999999999999999999",
        "seg:../../etc/passwd:0:5",
        "seg:/etc/passwd:0:5",
        "blob:",
        "blob:../../../etc/passwd",
        "blob:" + "0" * 64,
        "blob:" + DIGEST.upper(),
        "blob:" + DIGEST + "\n",
        "file:///etc/passwd",
    ],
)
def test_a_reference_to_nothing_is_unavailable(payloads: AnyPayloads, reference: str) -> None:
    payloads.append([LETTER])

    with pytest.raises(PayloadUnavailable):
        payloads.read(reference)


def test_a_blob_is_claimed_by_digest_and_size(payloads: AnyPayloads) -> None:
    reference = payloads.put_blob([LETTER[:7], LETTER[7:]], digest=DIGEST, limit=1000)

    assert payloads.claim(DIGEST, len(LETTER)) == reference
    assert payloads.read(reference) == LETTER


def test_a_blob_is_not_claimed_with_another_size_or_digest(payloads: AnyPayloads) -> None:
    payloads.put_blob([LETTER], digest=DIGEST, limit=1000)

    assert payloads.claim(DIGEST, len(LETTER) - 1) is None
    assert payloads.claim("0" * 64, len(LETTER)) is None
    assert payloads.claim("../" + DIGEST, len(LETTER)) is None


def test_a_blob_put_twice_is_there_once(payloads: AnyPayloads) -> None:
    first = payloads.put_blob([LETTER], digest=DIGEST, limit=1000)

    assert payloads.put_blob([LETTER], digest=DIGEST, limit=1000) == first
    assert payloads.read(first) == LETTER


@pytest.mark.parametrize(("digest", "limit"), [("0" * 64, 1000), (DIGEST, len(LETTER) - 1)])
def test_a_blob_that_is_not_what_was_said_is_refused(payloads: AnyPayloads, digest: str, limit: int) -> None:
    with pytest.raises(BlobRefused):
        payloads.put_blob([LETTER], digest=digest, limit=limit)

    assert payloads.claim(digest, len(LETTER)) is None
    assert payloads.claim(DIGEST, len(LETTER)) is None


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_process_reads_what_was_appended(folder: Path, files: FilePayloads) -> None:
    (reference,) = files.append([LETTER])

    assert FilePayloads(folder, "worker-2").read(reference) == LETTER


def test_a_restarted_process_writes_a_segment_of_its_own(folder: Path, files: FilePayloads) -> None:
    (before,) = files.append([LETTER])
    again = FilePayloads(folder, "worker-1")
    (after,) = again.append([b"later"])

    assert len(segments(folder)) == 2
    assert (again.read(before), again.read(after)) == (LETTER, b"later")


def test_two_processes_of_one_name_never_share_a_segment(folder: Path) -> None:
    twins = [FilePayloads(folder, "twin") for _ in range(3)]

    references = [each.append([bytes([n]) * 9])[0] for n, each in enumerate(twins)]

    assert len(segments(folder)) == 3
    assert [twins[0].read(each) for each in references] == [bytes([n]) * 9 for n in range(3)]


def test_numbers_go_on_after_the_highest(folder: Path) -> None:
    for _ in range(11):
        FilePayloads(folder, "w").append([LETTER])
    assert len(segments(folder)) == 11


def test_a_full_segment_is_followed_by_a_new_one(folder: Path) -> None:
    files = FilePayloads(folder, "worker-1", segment_bytes=100)

    references = [files.append([bytes([n]) * 60])[0] for n in range(4)]

    assert len(segments(folder)) == 2
    assert [files.read(each) for each in references] == [bytes([n]) * 60 for n in range(4)]


def test_a_batch_of_more_pieces_than_one_write_takes_is_whole(files: FilePayloads) -> None:
    envelopes = [str(n).encode() * 3 for n in range(1500)]

    references = files.append(envelopes)

    assert [files.read(each) for each in references] == envelopes


def test_a_torn_tail_is_seen(folder: Path, files: FilePayloads) -> None:
    whole, torn = files.append([LETTER, LETTER])
    (segment,) = segments(folder)
    os.truncate(segment, segment.stat().st_size - 1)

    assert files.read(whole) == LETTER
    with pytest.raises(PayloadUnavailable, match="end"):
        files.read(torn)


@pytest.mark.parametrize("place", [0, 5, HEAD.size - 1, HEAD.size, HEAD.size + len(LETTER) - 1])
def test_a_changed_byte_anywhere_is_seen(folder: Path, files: FilePayloads, place: int) -> None:
    (reference,) = files.append([LETTER])
    (segment,) = segments(folder)
    content = bytearray(segment.read_bytes())
    content[place] ^= 1
    segment.write_bytes(content)

    with pytest.raises(PayloadUnavailable, match="damaged"):
        files.read(reference)


def test_a_reference_into_the_middle_of_a_record_is_seen(files: FilePayloads) -> None:
    (reference,) = files.append([LETTER])
    kind, name, _, _ = reference.split(":")

    with pytest.raises(PayloadUnavailable, match="damaged"):
        files.read(f"{kind}:{name}:3:4")


def test_a_missing_segment_is_unavailable(folder: Path, files: FilePayloads) -> None:
    (reference,) = files.append([LETTER])
    segments(folder)[0].unlink()

    with pytest.raises(PayloadUnavailable):
        files.read(reference)


def test_after_a_failed_write_a_new_segment_is_begun(
    folder: Path, files: FilePayloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.append([LETTER])

    def full(_descriptor: int, _pieces: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", full)
        with pytest.raises(PayloadUnavailable, match="No space"):
            files.append([b"lost"])
    (reference,) = files.append([b"later"])

    assert files.read(reference) == b"later"
    assert len(segments(folder)) == 2


def test_a_write_that_takes_a_part_goes_on_with_the_rest(files: FilePayloads, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_byte(descriptor: int, pieces: list[bytes]) -> int:
        return os.write(descriptor, pieces[0][:1])

    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", one_byte)
        references = files.append([LETTER, b"x"])

    assert [files.read(each) for each in references] == [LETTER, b"x"]


def test_a_damaged_blob_is_seen(files: FilePayloads) -> None:
    reference = files.put_blob([LETTER], digest=DIGEST, limit=1000)
    path = files.blob_path(DIGEST)
    assert path is not None
    path.write_bytes(LETTER[:-1] + b"?")

    with pytest.raises(PayloadUnavailable, match="damaged"):
        files.read(reference)


def test_an_upload_that_is_given_up_leaves_nothing(folder: Path, files: FilePayloads) -> None:
    upload = files.blob_writer(DIGEST, limit=1000)
    upload.write(LETTER[:5])
    assert files.claim(DIGEST, 5) is None

    upload.abort()
    upload.abort()

    assert files.blob_path(DIGEST) is None
    assert list((folder / "partial").iterdir()) == []


def test_an_upload_of_another_size_than_said_is_refused(folder: Path, files: FilePayloads) -> None:
    upload = files.blob_writer(DIGEST, limit=1000)
    upload.write(LETTER)

    with pytest.raises(BlobRefused):
        upload.finish(size=len(LETTER) + 1)

    assert files.blob_path(DIGEST) is None
    assert list((folder / "partial").iterdir()) == []


def test_two_uploads_of_one_blob_at_once_both_succeed(files: FilePayloads) -> None:
    uploads = [files.blob_writer(DIGEST, limit=1000) for _ in range(2)]
    for each in uploads:
        each.write(LETTER)

    assert {each.finish(size=len(LETTER)) for each in uploads} == {f"blob:{DIGEST}"}
    assert files.read(f"blob:{DIGEST}") == LETTER


@pytest.mark.parametrize("digest", ["", "..", "../../x", "a" * 63, "A" * 64, "/" + "a" * 63, "a" * 64 + "\n"])
def test_an_upload_under_what_is_no_digest_is_refused(files: FilePayloads, digest: str) -> None:
    with pytest.raises(BlobRefused):
        files.blob_writer(digest, limit=1000)
    assert files.blob_path(digest) is None


@pytest.mark.parametrize("writer", ["", "a/b", "..", "a.b", "x" * 61])
def test_a_writer_whose_name_is_no_file_name_is_refused(folder: Path, writer: str) -> None:
    with pytest.raises(ValueError, match="name"):
        FilePayloads(folder, writer)
