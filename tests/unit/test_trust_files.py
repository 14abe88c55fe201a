"""Trust in folders: read, changed, broken, fetched."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from router.adapters.trust_files import CrlFetcher, TrustFolders
from tests.support.pki import Pki

NOW = datetime(2026, 5, 4, tzinfo=UTC)
PKI = Pki(NOW)
CRL = PKI.crl(NOW, NOW + timedelta(days=1))
ROOT = PKI.root.cert


class Folders:
    def __init__(self, base: Path) -> None:
        self.anchors, self.intermediates, self.crls, self.fetched = (
            base / name for name in ("anchors", "intermediates", "crls", "fetched")
        )

    def open(self) -> TrustFolders:
        return TrustFolders(anchors=self.anchors, intermediates=self.intermediates, crls=(self.crls, self.fetched))


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    found = Folders(tmp_path)
    for each in (found.anchors, found.intermediates, found.crls, found.fetched):
        each.mkdir()
    return found


def test_folders_that_are_missing_trust_nobody(tmp_path: Path) -> None:
    material = Folders(tmp_path / "nowhere").open().material()
    assert (material.anchors, material.intermediates, material.crls) == ((), (), ())
    assert material.require_revocation


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_pem_and_der_are_read(folders: Folders, encoding: Encoding) -> None:
    (folders.anchors / "root.crt").write_bytes(ROOT.public_bytes(encoding))
    (folders.crls / "issuing.crl").write_bytes(CRL.public_bytes(encoding))
    material = folders.open().material()
    assert material.anchors == (ROOT,)
    assert material.crls == (CRL,)


def test_several_in_one_pem_file_are_all_read(folders: Folders) -> None:
    certificates = (ROOT, PKI.issuing.cert)
    lists = (CRL, PKI.root.crl(NOW, NOW + timedelta(days=1)))
    (folders.anchors / "all.pem").write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in certificates))
    (folders.crls / "all.pem").write_bytes(b"note\n".join(each.public_bytes(Encoding.PEM) for each in lists))
    material = folders.open().material()
    assert material.anchors == certificates
    assert material.crls == lists


def test_material_is_the_same_value_until_something_changes(folders: Folders) -> None:
    (folders.anchors / "root.pem").write_bytes(ROOT.public_bytes(Encoding.PEM))
    trust = folders.open()
    before = trust.material()
    assert not trust.refresh()
    assert trust.material() is before
    (folders.crls / "new.crl").write_bytes(CRL.public_bytes(Encoding.DER))
    assert trust.refresh()
    assert trust.material().crls == (CRL,)


def test_what_is_taken_away_is_trusted_no_more(folders: Folders) -> None:
    path = folders.anchors / "root.pem"
    path.write_bytes(ROOT.public_bytes(Encoding.PEM))
    trust = folders.open()
    path.unlink()
    assert trust.refresh()
    assert trust.material().anchors == ()


def test_a_bad_file_spares_the_good_ones(folders: Folders) -> None:
    (folders.anchors / "a.pem").write_bytes(b"no certificate")
    (folders.anchors / "root.pem").write_bytes(ROOT.public_bytes(Encoding.PEM))
    (folders.anchors / "README.md").write_text("not read", "utf-8")
    assert folders.open().material().anchors == (ROOT,)


def test_a_list_that_went_bad_still_says_what_it_said(folders: Folders) -> None:
    path = folders.crls / "issuing.crl"
    path.write_bytes(CRL.public_bytes(Encoding.DER))
    trust = folders.open()
    path.write_bytes(b"half a downl")
    trust.refresh()
    assert trust.material().crls == (CRL,)
    trust.refresh()
    assert trust.material().crls == (CRL,)


def fetcher(folders: Folders, answer: Callable[[httpx.Request], httpx.Response]) -> CrlFetcher:
    return CrlFetcher(["http://ca.example/issuing.crl"], folders.fetched, transport=httpx.MockTransport(answer))


async def test_a_fetched_list_is_trusted_after_the_next_look(folders: Folders) -> None:
    trust = folders.open()
    fetching = fetcher(folders, lambda _: httpx.Response(200, content=CRL.public_bytes(Encoding.DER)))
    assert await fetching.fetch_all() == 1
    assert trust.refresh()
    assert trust.material().crls == (CRL,)


def unreachable(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route")


@pytest.mark.parametrize(
    "answer",
    [
        unreachable,
        lambda _: httpx.Response(503, content=b"later"),
        lambda _: httpx.Response(200, content=b"<html>log in first</html>"),
        lambda _: httpx.Response(200, content=b""),
    ],
)
async def test_a_list_that_cannot_be_fetched_leaves_the_last_good_one(
    folders: Folders, answer: Callable[[httpx.Request], httpx.Response]
) -> None:
    good = fetcher(folders, lambda _: httpx.Response(200, content=CRL.public_bytes(Encoding.DER)))
    await good.fetch_all()
    assert await fetcher(folders, answer).fetch_all() == 0
    assert folders.open().material().crls == (CRL,)
    assert len(list(folders.fetched.iterdir())) == 1


async def test_without_addresses_nothing_is_fetched(folders: Folders) -> None:
    assert await CrlFetcher([], folders.fetched).fetch_all() == 0
