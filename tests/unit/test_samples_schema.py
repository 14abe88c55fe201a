"""The thirteen vendor samples against the schema, as they are and gone wrong."""

from pathlib import Path

import pytest
from lxml import etree

from edxml_schemas import schemas
from edxml_schemas.contract import MessageType
from tests.support.mutations import mutated, safe_parser

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
FILES = sorted(SAMPLES.glob("*.edxml"))
STRAY = b"1212"  # edoc_new starts with these bytes, which are the reader's business and not the schema's

needs_samples = pytest.mark.skipif(not FILES, reason="the vendor samples are not beside this repository")


def sample(path: Path) -> bytes:
    return path.read_bytes().removeprefix(STRAY)


@needs_samples
def test_there_are_thirteen_samples() -> None:
    assert len(FILES) == 13


@needs_samples
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_vendor_sample_has_no_schema_fault_on_either_engine(path: Path) -> None:
    root = etree.fromstring(sample(path), safe_parser())
    kind = MessageType.DOCUMENT if path.stem.startswith("edoc") else MessageType.STATUS
    assert schemas.kind_of(root) is kind
    assert schemas.check(root) == ()
    assert schemas.explain(sample(path)) == ()


@needs_samples
def test_both_engines_agree_on_mutated_samples() -> None:
    begin = []
    for path in FILES:
        root = etree.fromstring(sample(path), safe_parser())
        for content in root.iter("{*}ContentTransferEncoded"):
            content.text = "UEsDBA=="  # 360 KB of base64 say nothing about the schema
        begin.append(etree.tostring(root))
    for data in mutated(400, seed=13, begin=tuple(begin)):
        fast, slow = schemas.check(etree.fromstring(data, safe_parser())), schemas.explain(data)
        assert {(each.code, each.xpath) for each in fast} == {(each.code, each.xpath) for each in slow}
