"""The signature of the VXP dialect: what the client library writes is believed, and nothing else is."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from agents.gateway.callers import Caller, Right
from agents.gateway.vxp.faults import not_believed
from agents.gateway.vxp.signing import (
    SIGNED_BYTES,
    Arguments,
    NotBelieved,
    Secrets,
    SignedCall,
    Unsigned,
    believe,
    headers_of,
    system_of,
)
from agents.gateway.vxp.timestamps import write_stamp
from tests.support.vxp_client import Header, VxpClient, java_order, signature

NOW = datetime(2026, 11, 21, 2, 15, 48, 422_000, tzinfo=UTC)
WEEK = timedelta(days=7)
SECRET = "mật khẩu của hệ thống"
CALLER = Caller(
    key_id="k1", system_id="vxp.saas.02", organs=frozenset({"000.00.00.H41"}), rights=frozenset({Right.SEND})
)
KNOWN = Secrets(CALLER, (SECRET.encode(),))


def a_client(created: datetime = NOW, **kept: str) -> VxpClient:
    client = VxpClient("localhost", 0, "vxp.saas.02", SECRET, created)
    client.kept |= {"servicetype": "eDoc", "messagetype": "edoc", "Content-Type": "application/json", **kept}
    return client


def judged(
    headers: list[Header], *, known: Secrets | None = KNOWN, now: datetime = NOW, encoding: str = "utf-8"
) -> SignedCall | NotBelieved:
    raw = [(name.encode(), value.encode(encoding)) for name, value in headers]
    return believe(headers_of(raw), known, now=now, age=WEEK)


def changed(headers: list[Header], name: str, value: str) -> list[Header]:
    assert name in dict(headers)
    return [(each, value if each == name else said) for each, said in headers]


def signed_anew(headers: list[Header], edit: Callable[[dict[str, object]], object]) -> list[Header]:
    """What somebody who has the secret may sign."""
    members = json.loads(dict(headers)["XroadVnpt-sign-header"])
    edit(members)
    return sealed(headers, json.dumps(members, ensure_ascii=False))


def sealed(headers: list[Header], text: str) -> list[Header]:
    headers = changed(headers, "XroadVnpt-sign-header", text)
    return changed(headers, "XroadVnpt-hash-header", signature(SECRET, text))


def why(outcome: SignedCall | NotBelieved) -> Unsigned:
    assert isinstance(outcome, NotBelieved), outcome
    return outcome.why


def test_names_go_out_in_the_order_in_which_the_library_was_seen_to_sign_them() -> None:
    assert java_order(["timestamp", "systemid", "Content-Type", "servicetype", "messagetype"]) == [
        "systemid",
        "servicetype",
        "messagetype",
        "timestamp",
        "Content-Type",
    ]


def test_what_the_library_writes_is_believed() -> None:
    call = judged(a_client().headers())
    assert isinstance(call, SignedCall)
    assert call.caller is CALLER
    assert call.arguments.values == {
        "systemid": "vxp.saas.02",
        "timestamp": "21112026T091548+0422",
        "servicetype": "eDoc",
        "messagetype": "edoc",
        "Content-Type": "application/json",
    }


def test_header_names_count_in_any_case() -> None:
    for form in (str.lower, str.upper, str.title):
        assert isinstance(judged([(form(name), value) for name, value in a_client().headers()]), SignedCall)


def test_a_value_that_is_not_ascii_is_checked_as_the_bytes_that_came() -> None:
    headers = a_client(filePath="/thư mục/văn bản").headers()
    assert isinstance(judged(headers), SignedCall)
    # A client that writes ISO 8859-1 signs other bytes than it sends; what it sends is what counts.
    latin = a_client(filePath="dépôt").headers()
    assert why(judged(latin, encoding="latin-1")) is Unsigned.UNKNOWN


@pytest.mark.parametrize("name", ["systemid", "messagetype", "timestamp", "Content-Type"])
def test_a_header_that_was_changed_on_the_way_is_refused(name: str) -> None:
    outcome = judged(changed(a_client().headers(), f"XroadVnpt-{name}", "khac"))
    assert outcome == NotBelieved(Unsigned.DIFFERS, name.lower())


def test_a_signed_header_that_does_not_come_is_refused() -> None:
    headers = [each for each in a_client(docId="1").headers() if each[0] != "XroadVnpt-docId"]
    assert judged(headers) == NotBelieved(Unsigned.DIFFERS, "docid")


def test_a_semicolon_at_the_end_of_the_list_names_nothing() -> None:
    headers = a_client(docId="1").headers()
    (listed,) = [value for name, value in headers if name == "XroadVnpt-sign-header-key"]
    assert isinstance(judged(changed(headers, "XroadVnpt-sign-header-key", listed + ";")), SignedCall)
    assert why(judged(changed(headers, "XroadVnpt-sign-header-key", listed + ";khac"))) is Unsigned.NAMES


def test_taking_a_name_off_the_list_does_not_free_its_header() -> None:
    # The list of names is not covered by the HMAC; the JSON is.
    headers = a_client(docId="van-ban-1").headers()
    names = [name for name in dict(headers)["XroadVnpt-sign-header-key"].split(";") if name != "docId"]
    headers = changed(headers, "XroadVnpt-sign-header-key", ";".join(names))
    assert isinstance(judged(headers), SignedCall)
    assert why(judged(changed(headers, "XroadVnpt-docId", "van-ban-2"))) is Unsigned.DIFFERS


def test_a_name_on_the_list_that_was_not_signed_is_refused() -> None:
    headers = a_client().headers()
    listed = dict(headers)["XroadVnpt-sign-header-key"] + ";docId"
    headers = [*changed(headers, "XroadVnpt-sign-header-key", listed), ("XroadVnpt-docId", "1")]
    assert judged(headers) == NotBelieved(Unsigned.NAMES, "docId")


def test_a_header_that_was_not_signed_is_no_argument() -> None:
    call = judged([*a_client().headers(), ("XroadVnpt-docId", "1"), ("XroadVnpt-to", '["000.00.00.H14"]')])
    assert isinstance(call, SignedCall)
    assert call.arguments.read("docId") == call.arguments.read("to") == ""


def test_one_name_in_two_cases_and_with_two_values_is_refused_unless_both_were_signed() -> None:
    smuggled = [*a_client(docId="1").headers(), ("xroadvnpt-DOCID", "2")]
    assert judged(smuggled) == NotBelieved(Unsigned.DIFFERS, "docid")
    twice = [*a_client(docId="1").headers(), ("xroadvnpt-DOCID", "1")]
    assert isinstance(judged(twice), SignedCall)


def test_two_spellings_that_a_service_object_kept_stay_two_arguments() -> None:
    call = judged(a_client(docId="tai-ve-truoc-do", docid="danh-dau").headers())
    assert isinstance(call, SignedCall)
    assert call.arguments.read("docid", "docId") == "danh-dau"
    assert call.arguments.read("docId", "docid") == "tai-ve-truoc-do"


def test_of_two_spellings_a_client_may_send_the_later_alone() -> None:
    headers = a_client(docId="tai-ve-truoc-do", docid="danh-dau").headers()
    call = judged([each for each in headers if each[0] != "XroadVnpt-docId"])
    assert isinstance(call, SignedCall)
    assert call.arguments.read("docId") == "tai-ve-truoc-do"


@pytest.mark.parametrize("name", ["systemid", "sign-header", "sign-header-key", "hash-header"])
def test_what_the_check_needs_must_come_once(name: str) -> None:
    headers = a_client().headers()
    header = f"XroadVnpt-{name}"
    without = [each for each in headers if each[0] != header]
    assert NotBelieved(Unsigned.HEADER_MISSING, header) in (judged(without), system_claimed(without))
    assert NotBelieved(Unsigned.HEADER_MISSING, header) in (
        judged([*without, (header, "")]),
        system_claimed([*without, (header, "")]),
    )
    second = [*headers, (header.upper(), "khac")]
    assert NotBelieved(Unsigned.HEADER_TWICE, header) in (judged(second), system_claimed(second))


def system_claimed(headers: list[Header]) -> str | NotBelieved:
    return system_of(headers_of([(name.encode(), value.encode()) for name, value in headers]))


def test_the_hmac_of_another_secret_and_an_unknown_system_get_the_same_answer() -> None:
    stranger = Secrets(CALLER, (b"another secret",))
    for known in (stranger, None, Secrets(CALLER, ())):
        outcome = judged(a_client().headers(), known=known)
        assert outcome == NotBelieved(Unsigned.UNKNOWN)
        assert isinstance(outcome, NotBelieved)
        assert not_believed(outcome, age=WEEK).code == 15


def test_both_secrets_count_while_one_replaces_the_other() -> None:
    for secrets in ((b"new", SECRET.encode()), (SECRET.encode(), b"old")):
        assert isinstance(judged(a_client().headers(), known=Secrets(CALLER, secrets)), SignedCall)


def test_the_hmac_counts_in_upper_case_too_and_never_when_cut() -> None:
    headers = a_client().headers()
    stated = dict(headers)["XroadVnpt-hash-header"]
    assert isinstance(judged(changed(headers, "XroadVnpt-hash-header", stated.upper())), SignedCall)
    for wrong in (stated[:-1], stated[:32], stated + "0", "0" * 64, "ê" * 64, "x"):
        assert why(judged(changed(headers, "XroadVnpt-hash-header", wrong))) is Unsigned.UNKNOWN


def test_one_byte_of_the_signed_text_decides() -> None:
    headers = a_client().headers()
    text = dict(headers)["XroadVnpt-sign-header"]
    for place in range(len(text)):
        other = text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :]
        assert why(judged(changed(headers, "XroadVnpt-sign-header", other))) is Unsigned.UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"XroadVnpt-systemid"',
        '{"XroadVnpt-systemid":"vxp.saas.02"',
        '{"XroadVnpt-systemid":"vxp.saas.02","XroadVnpt-systemid":"vxp.saas.03"}',
        '{"XroadVnpt-systemid":null}',
        '{"XroadVnpt-systemid":1}',
        '{"XroadVnpt-systemid":NaN}',
        '{"XroadVnpt-systemid":{"a":"b"}}',
        '{"systemid":"vxp.saas.02"}',
        "[" * 20_000,
        '{"XroadVnpt-n":' + "9" * 20_000 + "}",
        json.dumps({f"XroadVnpt-{number}": "" for number in range(100)}),
        '{"XroadVnpt-systemid":"vxp.saas.02"} ?',
    ],
    ids=lambda text: text[:40],
)
def test_signed_text_that_is_no_flat_object_of_strings_is_refused(text: str) -> None:
    outcome = judged(sealed(a_client().headers(), text))
    assert why(outcome) is (Unsigned.JSON if text else Unsigned.HEADER_MISSING)


def test_what_is_too_long_is_not_even_looked_at() -> None:
    long = sealed(a_client().headers(), json.dumps({"XroadVnpt-to": "x" * SIGNED_BYTES}))
    assert why(judged(long)) is Unsigned.HEADER_LONG
    many = changed(a_client().headers(), "XroadVnpt-sign-header-key", ";".join(["systemid"] * 65))
    assert why(judged(many)) is Unsigned.NAMES
    assert system_claimed(changed(a_client().headers(), "XroadVnpt-systemid", "x" * 201)) == NotBelieved(
        Unsigned.HEADER_LONG, "XroadVnpt-systemid"
    )


def test_system_and_time_must_be_among_the_signed() -> None:
    headers = a_client().headers()
    names = changed(headers, "XroadVnpt-sign-header-key", "messagetype")
    assert why(judged(signed_anew(names, lambda members: members.pop("XroadVnpt-systemid")))) is Unsigned.SYSTEM
    assert why(judged(signed_anew(names, lambda members: members.pop("XroadVnpt-timestamp")))) is Unsigned.STAMP_MISSING


def test_a_signature_for_one_system_is_none_for_another() -> None:
    # Both systems may have the same secret, by mistake; the name still has to be the signed one.
    headers = changed(a_client().headers(), "XroadVnpt-systemid", "vxp.saas.03")
    assert why(judged(headers)) is Unsigned.DIFFERS


def test_a_time_stamp_taken_days_ago_counts_until_it_is_too_old() -> None:
    headers = a_client().headers()
    assert isinstance(judged(headers, now=NOW + WEEK), SignedCall)
    assert why(judged(headers, now=NOW + WEEK + timedelta(seconds=1))) is Unsigned.STAMP_OLD
    assert isinstance(judged(headers, now=NOW - timedelta(minutes=14)), SignedCall)
    assert why(judged(headers, now=NOW - timedelta(minutes=16))) is Unsigned.STAMP_AHEAD


def test_a_time_stamp_that_is_none_is_refused() -> None:
    for stamp in ("", "2026-11-21T09:15:48", "21112026T091548+0700x", "99992026T091548+0422"):
        client = a_client()
        client.kept["timestamp"] = stamp
        assert why(judged(client.headers())) is Unsigned.STAMP_MALFORMED


def test_what_is_not_believed_is_told_in_words_with_a_remedy_and_no_secret() -> None:
    for each in Unsigned:
        fault = not_believed(NotBelieved(each, "XroadVnpt-docId"), age=WEEK)
        assert fault.code == 15
        assert "Đề nghị" in fault.text or "đề nghị" in fault.text
        assert "{" not in fault.text
        assert SECRET not in fault.text
    assert SECRET not in repr(KNOWN)
    assert "van-ban" not in repr(Arguments({"docId": "van-ban"}))
    assert "7 ngày" in not_believed(NotBelieved(Unsigned.STAMP_OLD), age=WEEK).text
    assert write_stamp(NOW) == "21112026T091548+0422"
