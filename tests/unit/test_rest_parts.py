"""The native interface: forms taken apart, whatever is in them and however they are broken."""

import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.gateway.rest import parts
from agents.gateway.rest.parts import MOST_PARTS, FormBroken, Part, split_form

TYPE = "multipart/form-data; boundary=x"


def split(body: bytes, content_type: str = TYPE) -> list[tuple[Part, bytes]]:
    """The parts with their bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "body").write_bytes(body)
        return [(each, each.path.read_bytes()) for each in split_form(folder / "body", content_type, folder)]


def form(*pieces: bytes) -> bytes:
    return b"".join(b"--x\r\n" + each + b"\r\n" for each in pieces) + b"--x--\r\n"


A_PART = b'Content-Disposition: form-data; name="metadata"\r\n\r\n{}'

_names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), min_size=1, max_size=30)
_files = st.lists(st.tuples(_names, st.binary(max_size=3000) | st.just(b"\r\n--x--\r\n")), min_size=1, max_size=5)


@given(files=_files, piece=st.sampled_from([1, 7, 100, 256 * 1024]))
@settings(max_examples=60, deadline=None)
def test_every_file_comes_out_as_it_went_in(files: Sequence[tuple[str, bytes]], piece: int) -> None:
    request = httpx.Request("POST", "http://x", files=[("files", each) for each in files])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PIECE", piece)
        found = split(request.read(), request.headers["content-type"])
    assert [(each.filename, content) for each, content in found] == list(files)
    assert [each.digest for each, _ in found] == [hashlib.sha256(content).hexdigest() for _, content in files]
    assert [each.size for each, _ in found] == [len(content) for _, content in files]


@given(body=st.binary(max_size=300) | st.binary(max_size=100).map(lambda each: form(A_PART, each)))
@settings(max_examples=200, deadline=None)
def test_bytes_of_any_kind_are_a_form_or_broken(body: bytes) -> None:
    with suppress(FormBroken):
        split(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x\r\n" + A_PART,
        form(A_PART)[:-4],
        form(b"Content-Type: text/plain\r\n\r\nx"),
        form(b"Content-Disposition: form-data\r\n\r\nx"),
        form(b'Content-Disposition: attachment; name="a"\r\n\r\nx'),
        form(b"Content-Transfer-Encoding: base64\r\n" + A_PART),
        form(b"X-Long: " + b"a" * 9000 + b"\r\n" + A_PART),
        form(b"".join(b"X-%d: a\r\n" % number for number in range(20)) + A_PART),
    ],
)
def test_a_broken_form_is_told_to_be_so(body: bytes) -> None:
    with pytest.raises(FormBroken):
        split(body)


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/mixed; boundary=x", "text/plain", ""])
def test_a_content_type_that_announces_no_form_is_broken(content_type: str) -> None:
    with pytest.raises(FormBroken):
        split(form(A_PART), content_type)


def test_a_boundary_of_any_length_is_no_way_in() -> None:
    with pytest.raises(FormBroken):
        split(form(A_PART), f"multipart/form-data; boundary={'x' * 10_000}")


def test_more_parts_than_a_document_may_have_are_refused() -> None:
    with pytest.raises(FormBroken):
        split(form(*[A_PART] * (MOST_PARTS + 1)))


def test_a_name_that_is_no_utf_8_is_kept_as_well_as_it_can_be() -> None:
    ((part, _),) = split(form(b'Content-Disposition: form-data; name="files"; filename="c\xf4ng v\xe3n"\r\n\r\nx'))
    assert part.filename == "công vãn"
