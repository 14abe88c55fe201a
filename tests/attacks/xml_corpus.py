"""Hostile bytes, made when needed: nothing large lies in the repository."""

import gzip
import io
import zipfile
from collections.abc import Callable, Mapping
from typing import Final

from edxml_schemas.codec import encode
from edxml_schemas.findings import FindingCode
from edxml_schemas.names import EDXML_NS, XINCLUDE_NS
from tests.support.envelopes import a_document

CANARY_TEXT: Final = "canary-7d1f-must-never-appear"

MIB: Final = 2**20


def an_envelope() -> bytes:
    """A good envelope, to be spoiled."""
    return encode(a_document())


def with_subject(markup: str, *, prolog: str = "") -> bytes:
    """An envelope with this markup in its Subject, and with this before its root."""
    text = an_envelope().decode()
    declaration, _, rest = text.partition("\n")
    head, _, tail = rest.partition("<edXML:Subject>")
    _, _, tail = tail.partition("</edXML:Subject>")
    return f"{declaration}\n{prolog}{head}<edXML:Subject>{markup}</edXML:Subject>{tail}".encode()


def recoded(encoding: str, *, declared: str | None = None) -> bytes:
    """A good envelope in another encoding, which its declaration names (or not)."""
    text = an_envelope().decode()
    text = text.replace('encoding="UTF-8"', f'encoding="{declared or encoding}"')
    return text.encode(encoding, "xmlcharrefreplace")


def external_entity(target: str) -> bytes:
    return with_subject("&x;", prolog=f'<!DOCTYPE edXML [<!ENTITY x SYSTEM "{target}">]>')


def billion_laughs() -> bytes:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return with_subject("&l9;", prolog=f'<!DOCTYPE edXML [<!ENTITY l0 "ha">{laughs}]>')


def quadratic_blow_up() -> bytes:
    return with_subject("&a;" * 50_000, prolog=f'<!DOCTYPE edXML [<!ENTITY a "{"a" * 50_000}">]>')


def parameter_entity(target: str) -> bytes:
    return with_subject("x", prolog=f'<!DOCTYPE edXML [<!ENTITY % p SYSTEM "{target}"> %p; ]>')


def nested(depth: int, *, closed: bool = True) -> bytes:
    return b"<edXML>" * depth + (b"</edXML>" * depth if closed else b"")


def many_elements(count: int) -> bytes:
    return f'<edXML xmlns="{EDXML_NS}">'.encode() + b"<a/>" * count + b"</edXML>"


def many_attributes(count: int, *, closed: bool = True) -> bytes:
    attributes = "".join(f' a{number}=""' for number in range(count))
    return f'<edXML xmlns="{EDXML_NS}"{attributes}{"/>" if closed else ""}'.encode()


def many_namespaces(count: int) -> bytes:
    bindings = "".join(f' xmlns:n{number}="u{number}"' for number in range(count))
    return f'<edXML xmlns="{EDXML_NS}"{bindings}/>'.encode()


def long_attribute(chars: int) -> bytes:
    return f'<edXML xmlns="{EDXML_NS}" a="{"x" * chars}"/>'.encode()


def a_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.edxml", an_envelope())
    return buffer.getvalue()


_DECLARED: Final = b'<?xml version="1.0" encoding="UTF-8"?>'

REFUSED: Final[Mapping[str, tuple[Callable[[], bytes], FindingCode]]] = {
    # Document type declarations, entities
    "empty DTD": (lambda: with_subject("x", prolog="<!DOCTYPE edXML>"), FindingCode.XML_DTD),
    "DTD in lower case": (lambda: with_subject("x", prolog="<!doctype edXML>"), FindingCode.XML_DTD),
    "DTD behind a comment": (lambda: with_subject("x", prolog="<!-- > --> <!DOCTYPE edXML>"), FindingCode.XML_DTD),
    "DTD behind an instruction": (lambda: with_subject("x", prolog="<?a > ?>\n<!DOCTYPE a>"), FindingCode.XML_DTD),
    "DTD without declaration": (lambda: b"<!DOCTYPE edXML><edXML/>", FindingCode.XML_DTD),
    "DTD behind a byte order mark": (lambda: b"\xef\xbb\xbf \n<!DOCTYPE edXML><edXML/>", FindingCode.XML_DTD),
    "DTD behind a huge comment": (
        lambda: b"<!--" + b"x" * MIB + b"--><!DOCTYPE edXML><edXML/>",
        FindingCode.XML_DTD,
    ),
    "DTD behind many comments": (lambda: b"<!---->" * 100_000 + b"<!DOCTYPE a><a/>", FindingCode.XML_DTD),
    "DTD behind the root": (lambda: b"<edXML/><!DOCTYPE edXML>", FindingCode.XML_NOT_WELL_FORMED),
    "DTD in the root": (lambda: b"<edXML><!DOCTYPE edXML></edXML>", FindingCode.XML_NOT_WELL_FORMED),
    "external DTD": (lambda: b'<!DOCTYPE edXML SYSTEM "http://127.0.0.1:9/x.dtd"><edXML/>', FindingCode.XML_DTD),
    "internal entity": (
        lambda: with_subject("&x;", prolog='<!DOCTYPE edXML [<!ENTITY x "y">]>'),
        FindingCode.XML_DTD,
    ),
    "external entity": (lambda: external_entity("file:///etc/hostname"), FindingCode.XML_DTD),
    "parameter entity": (lambda: parameter_entity("http://127.0.0.1:9/x"), FindingCode.XML_DTD),
    "billion laughs": (billion_laughs, FindingCode.XML_DTD),
    "quadratic blow-up": (quadratic_blow_up, FindingCode.XML_DTD),
    "undeclared entity": (lambda: with_subject("&nbsp;"), FindingCode.XML_NOT_WELL_FORMED),
    "HTML": (lambda: b"<!DOCTYPE html><html><body>Loi</body></html>", FindingCode.XML_DTD),
    "HTML without doctype": (lambda: b"<html><body><br><p>Loi</html>", FindingCode.XML_NOT_WELL_FORMED),
    # XInclude
    "XInclude": (
        lambda: with_subject(f'<xi:include xmlns:xi="{XINCLUDE_NS}" href="/etc/hostname" parse="text"/>'),
        FindingCode.XML_XINCLUDE,
    ),
    "XInclude with a hidden namespace": (
        lambda: with_subject(f'<i:include xmlns:i="{XINCLUDE_NS[:-1]}&#101;" href="/etc/hostname"/>'),
        FindingCode.XML_XINCLUDE,
    ),
    # Sizes
    "100,000 levels": (lambda: nested(100_000), FindingCode.XML_TOO_DEEP),
    "100,000 levels left open": (lambda: nested(100_000, closed=False), FindingCode.XML_TOO_DEEP),
    "300 levels": (lambda: nested(300), FindingCode.XML_TOO_DEEP),
    "41 levels": (lambda: nested(41), FindingCode.XML_TOO_DEEP),
    "a million elements": (lambda: many_elements(1_000_000), FindingCode.XML_TOO_MANY_ELEMENTS),
    "a million attributes": (lambda: many_attributes(1_000_000), FindingCode.XML_TOO_MANY_ATTRIBUTES),
    "a million attributes in an open tag": (
        lambda: many_attributes(1_000_000, closed=False),
        FindingCode.XML_NOT_WELL_FORMED,
    ),
    "33 attributes": (lambda: many_attributes(33), FindingCode.XML_TOO_MANY_ATTRIBUTES),
    "100,000 namespaces": (lambda: many_namespaces(100_000), FindingCode.XML_TOO_MANY_ATTRIBUTES),
    "40 namespaces": (lambda: many_namespaces(40), FindingCode.XML_TOO_MANY_ATTRIBUTES),
    "21,000 attributes on many elements": (
        lambda: b"<edXML>" + b'<a a="" b="" c=""/>' * 7_000 + b"</edXML>",
        FindingCode.XML_TOO_MANY_ATTRIBUTES,
    ),
    "a 10 MB attribute": (lambda: long_attribute(10 * MIB), FindingCode.XML_ATTRIBUTE_TOO_LONG),
    "a 10 MB attribute behind white space": (
        lambda: b"<edXML a = \n'" + b"x>" * 5 * MIB + b"'/>",
        FindingCode.XML_ATTRIBUTE_TOO_LONG,
    ),
    "a 20 MB element name": (lambda: b"<" + b"a" * 20 * MIB + b"/>", FindingCode.XML_NOT_WELL_FORMED),
    # Encodings
    "UTF-16 with mark": (lambda: recoded("utf-16"), FindingCode.XML_ENCODING),
    "UTF-16LE": (lambda: recoded("utf-16-le"), FindingCode.XML_ENCODING),
    "UTF-16BE": (lambda: recoded("utf-16-be"), FindingCode.XML_ENCODING),
    "UTF-32": (lambda: recoded("utf-32"), FindingCode.XML_ENCODING),
    "UTF-32BE": (lambda: recoded("utf-32-be"), FindingCode.XML_ENCODING),
    "UTF-7": (lambda: recoded("utf-7"), FindingCode.XML_ENCODING),
    "UTF-7 declared over ASCII": (
        lambda: b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4<edXML/>',
        FindingCode.XML_ENCODING,
    ),
    "EBCDIC": (lambda: recoded("cp037"), FindingCode.XML_ENCODING),
    "Latin-1": (lambda: recoded("latin-1"), FindingCode.XML_ENCODING),
    "Windows-1258": (lambda: recoded("cp1258", declared="windows-1258"), FindingCode.XML_ENCODING),
    "UTF-16 declared over UTF-8": (lambda: recoded("utf-8", declared="UTF-16"), FindingCode.XML_ENCODING),
    "encoding in single quotes": (lambda: b"<?xml version='1.0' encoding='utf-16'?><a/>", FindingCode.XML_ENCODING),
    "encoding far behind": (
        lambda: b"<?xml version='1.0'" + b" " * 9_000 + b"encoding='utf-7'?><a/>",
        FindingCode.XML_ENCODING,
    ),
    "Latin-1 bytes declared UTF-8": (lambda: recoded("latin-1", declared="UTF-8"), FindingCode.XML_ENCODING),
    "overlong UTF-8": (lambda: b"<edXML>\xc0\xbc/edXML></edXML>", FindingCode.XML_ENCODING),
    "overlong NUL": (lambda: b"<edXML>\xc0\x80</edXML>", FindingCode.XML_ENCODING),
    "lone surrogate": (lambda: b"<edXML>\xed\xa0\x80</edXML>", FindingCode.XML_ENCODING),
    "surrogate reference": (lambda: b"<edXML>&#xD800;</edXML>", FindingCode.XML_NOT_WELL_FORMED),
    "beyond Unicode": (lambda: b"<edXML>\xf4\x90\x80\x80</edXML>", FindingCode.XML_ENCODING),
    "half a character at the end": (lambda: an_envelope() + b"\xe1\xbb", FindingCode.XML_ENCODING),
    # Bytes
    "empty": (lambda: b"", FindingCode.XML_EMPTY),
    "only white space": (lambda: b" \r\n\t" * 3_000, FindingCode.XML_EMPTY),
    "only a byte order mark": (lambda: b"\xef\xbb\xbf", FindingCode.XML_EMPTY),
    "NUL in text": (lambda: b"<edXML>a\0b</edXML>", FindingCode.XML_NUL),
    "NUL behind the root": (lambda: an_envelope() + b"\0", FindingCode.XML_NUL),
    "NUL reference": (lambda: b"<edXML>&#0;</edXML>", FindingCode.XML_NOT_WELL_FORMED),
    "control character": (lambda: b"<edXML>\x01</edXML>", FindingCode.XML_NOT_WELL_FORMED),
    "plain text": (lambda: b"Kinh gui Van phong Chinh phu", FindingCode.XML_NOT_XML),
    "text with an angle": (lambda: b"1 < 2", FindingCode.XML_NOT_XML),
    "JSON": (lambda: b'{"a": "<edXML/>"}', FindingCode.XML_NOT_XML),
    "PDF": (lambda: b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj", FindingCode.XML_NOT_XML),
    "ZIP": (a_zip, FindingCode.XML_NOT_XML),
    "gzip": (lambda: gzip.compress(an_envelope()), FindingCode.XML_NOT_XML),
    "stray bytes": (lambda: b"1212" + an_envelope(), FindingCode.XML_LEADING_BYTES),
    "white space before the declaration": (lambda: b"\r\n" + an_envelope(), FindingCode.XML_LEADING_BYTES),
    "two byte order marks": (lambda: b"\xef\xbb\xbf\xef\xbb\xbf" + an_envelope(), FindingCode.XML_LEADING_BYTES),
    # Grammar
    "text behind the root": (lambda: an_envelope() + b"x", FindingCode.XML_NOT_WELL_FORMED),
    "two roots": (lambda: b"<edXML/><edXML/>", FindingCode.XML_NOT_WELL_FORMED),
    "two declarations": (lambda: _DECLARED + _DECLARED + b"<edXML/>", FindingCode.XML_NOT_WELL_FORMED),
    "end of CDATA in text": (lambda: b"<edXML>]]></edXML>", FindingCode.XML_NOT_WELL_FORMED),
    "open CDATA": (lambda: b"<edXML><![CDATA[" + b"<a>" * 1000, FindingCode.XML_NOT_WELL_FORMED),
    "nested CDATA": (lambda: b"<edXML><![CDATA[<![CDATA[]]>]]></edXML>", FindingCode.XML_NOT_WELL_FORMED),
    "open comment": (lambda: b"<edXML><!--" + b"<a>" * 1000, FindingCode.XML_NOT_WELL_FORMED),
    "two hyphens in a comment": (lambda: b"<edXML><!-- -- --></edXML>", FindingCode.XML_NOT_WELL_FORMED),
    "attribute twice": (lambda: b"<edXML a='' a=''/>", FindingCode.XML_NOT_WELL_FORMED),
    "attribute twice by namespace": (
        lambda: b"<edXML xmlns:a='u' xmlns:b='u' a:x='' b:x=''/>",
        FindingCode.XML_NOT_WELL_FORMED,
    ),
    "unbound prefix": (lambda: with_subject('<a xlink:href="x"/>'), FindingCode.XML_UNBOUND_PREFIX),
    "unbound element prefix": (lambda: b"<edXML:edXML/>", FindingCode.XML_UNBOUND_PREFIX),
    "prefix unbound again": (lambda: b"<a:b xmlns:a=''/>", FindingCode.XML_NOT_WELL_FORMED),
    "xml prefix rebound": (lambda: b"<a xmlns:xml='u'/>", FindingCode.XML_NOT_WELL_FORMED),
}
"""What is refused before any schema sees it: how it is made, and the code of the first finding."""

PASSED_ON: Final[Mapping[str, Callable[[], bytes]]] = {
    "DTD text in CDATA": lambda: with_subject("<![CDATA[<!DOCTYPE a [<!ENTITY b 'c'>]>]]>"),
    "DTD text in a comment": lambda: with_subject("x", prolog="<!-- <!DOCTYPE edXML> -->"),
    "DTD text in an instruction": lambda: with_subject("x", prolog="<?note <!DOCTYPE edXML> ?>"),
    "a huge comment": lambda: with_subject("x", prolog=f"<!--{'x' * 5 * MIB}-->"),
    "markup in a comment": lambda: with_subject("x", prolog=f"<!--{'<a b=' * 200_000}-->"),
    "a style sheet": lambda: with_subject("x", prolog='<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>'),
    "a byte order mark": lambda: b"\xef\xbb\xbf" + an_envelope(),
    "no declaration": lambda: an_envelope().partition(b"\n")[2],
    "white space and no declaration": lambda: b" \r\n" + an_envelope().partition(b"\n")[2],
    "CDATA text": lambda: with_subject("<![CDATA[a]]>b<![CDATA[c & <d>]]>"),
    "a comment inside a value": lambda: with_subject("a<!-- hidden -->b"),
    "US-ASCII declared": lambda: b'<?xml version="1.0" encoding="us-ascii"?>' + an_envelope().partition(b"\n")[2],
    "equals signs in text": lambda: with_subject("a='b' " * 400 + '="' + "x" * 1_000),
}
"""What looks dangerous and is well-formed: the tree is built."""
