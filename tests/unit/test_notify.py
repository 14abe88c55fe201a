"""Notices by e-mail, webhook and chat: what arrives, what is said when it does not, and what is never said."""

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from router.adapters.memory_alarms import MemoryAlarmBook
from router.adapters.notify import channels_of
from router.core.notices import Notice, NoticeKind, NoticeState
from router.errors import UsageProblem
from router.ports.alarms import Channel, NotTaken
from router.services.alarms.delivering import Delivery
from router.settings.alarms import AlarmSettings, secret_of
from tests.support.mail_server import MailDesk, mail_server, own_certificate
from tests.support.records import NOON
from tests.support.web_hook import Hook, web_hook

DAY = timedelta(days=1)
SECRET = "bí-mật-s3cret"


class Noon:
    def now(self) -> datetime:
        return NOON


def notice(name: str = "n1", **fields: object) -> Notice:
    made = Notice(
        id=name,
        channel="mail",
        kind=NoticeKind.ALARMS,
        title="[truc] Nghiêm trọng: Hộp thư ứ đọng / An inbox fills up",
        text="Hộp thư của so-y-te\n.dấu chấm\n",
        data={"alarms": [{"id": "a1"}]},
        created_at=NOON,
        due_at=NOON,
    )
    return replace(made, **fields)  # type: ignore[arg-type]  # the test names the fields


def channel(folder: Path, **settings: object) -> Channel:
    (made,) = channels_of(AlarmSettings(**settings), folder=folder, clock=Noon())
    return made


def mail(folder: Path, desk: MailDesk, **settings: object) -> Channel:
    usual = {
        "mail_host": "127.0.0.1",
        "mail_port": desk.port,
        "mail_tls": "none",
        "mail_sender": "truc@bo.gov.vn",
        "mail_to": ["truc-ban@bo.gov.vn", "lanh-dao@bo.gov.vn"],
        "patience_seconds": 5.0,
    }
    return channel(folder, **{**usual, **settings})


# ── E-mail ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_letter_arrives_as_it_was_written(tmp_path: Path) -> None:
    async with mail_server(MailDesk()) as desk:
        await mail(tmp_path, desk).send(notice())
    ((sender, readers, letter),) = desk.letters
    assert (sender, readers) == ("truc@bo.gov.vn", ["truc-ban@bo.gov.vn", "lanh-dao@bo.gov.vn"])
    assert letter["Subject"] == notice().title
    assert letter["Message-ID"] == "<n1@bo.gov.vn>"
    assert letter.get_content().replace("\r\n", "\n") == notice().text


async def test_a_notice_with_its_own_readers_goes_to_them_alone(tmp_path: Path) -> None:
    async with mail_server(MailDesk()) as desk:
        await mail(tmp_path, desk).send(notice(to=("vanthu@h41.vn",)))
    assert desk.letters[0][1] == ["vanthu@h41.vn"]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_letter_goes_encrypted_and_with_a_password_from_a_file(tmp_path: Path, tls: str) -> None:
    context, ca_file = own_certificate(tmp_path)
    (tmp_path / "mail.password").write_text(f"{SECRET}\n", "utf-8")
    desk = MailDesk(password=SECRET)
    around = mail_server(desk, starttls=context) if tls == "starttls" else mail_server(desk, tls=context)
    async with around:
        way = mail(
            tmp_path,
            desk,
            mail_tls=tls,
            mail_user="truc",
            mail_password_from="file:mail.password",
            mail_ca_file=str(ca_file),
        )
        await way.send(notice())
    assert (desk.logins, desk.encrypted) == ([("truc", SECRET)], [True])


async def test_a_server_whose_certificate_nobody_vouches_for_gets_no_password(tmp_path: Path) -> None:
    context, _ = own_certificate(tmp_path)
    desk = MailDesk(password=SECRET)
    async with mail_server(desk, starttls=context):
        with pytest.raises(NotTaken):
            await mail(tmp_path, desk, mail_tls="starttls").send(notice())
    assert (desk.logins, desk.letters) == ([], [])


async def test_a_server_without_tls_is_not_written_to_when_tls_is_wanted(tmp_path: Path) -> None:
    async with mail_server(MailDesk()) as desk:
        with pytest.raises(NotTaken):
            await mail(tmp_path, desk, mail_tls="starttls").send(notice())
    assert desk.letters == []


async def test_a_wrong_password_is_told_without_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARM_MAIL", SECRET)
    context, ca_file = own_certificate(tmp_path)
    desk = MailDesk(password="another")
    async with mail_server(desk, starttls=context):
        way = mail(
            tmp_path,
            desk,
            mail_tls="starttls",
            mail_user="truc",
            mail_password_from="env:ALARM_MAIL",
            mail_ca_file=str(ca_file),
        )
        with pytest.raises(NotTaken) as told:
            await way.send(notice())
    assert "535" in str(told.value)
    assert SECRET not in str(told.value)


async def test_what_the_server_refuses_is_told_by_its_number(tmp_path: Path) -> None:
    async with mail_server(MailDesk(refuse="451 later")) as desk:
        with pytest.raises(NotTaken, match="451"):
            await mail(tmp_path, desk).send(notice())


async def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with mail_server(MailDesk()) as desk:
        pass
    with pytest.raises(NotTaken, match=r"127\.0\.0\.1"):
        await mail(tmp_path, desk).send(notice())


async def test_a_title_cannot_begin_another_header(tmp_path: Path) -> None:
    async with mail_server(MailDesk()) as desk:
        await mail(tmp_path, desk).send(notice(title="x\r\nBcc: kẻ@gian.vn"))
    assert desk.letters[0][2]["Bcc"] is None
    assert desk.letters[0][1] == ["truc-ban@bo.gov.vn", "lanh-dao@bo.gov.vn"]


# ── Webhooks and chats ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_hook() as desk:
        yield desk


async def test_a_webhook_gets_json_with_a_signature_that_can_be_checked(
    tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    await channel(tmp_path, webhook_urls=[f"{hook.url}/in"], webhook_secret_from="env:HOOK_SECRET").send(notice())
    ((path, headers, body),) = hook.got
    told = json.loads(body)
    assert (path, told["id"], told["kind"], told["title"]) == ("/in", "n1", "alarms", notice().title)
    assert told["alarms"] == [{"id": "a1"}]
    wanted = hmac.new(SECRET.encode(), headers["X-Truc-Time"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Truc-Signature"] == f"sha256={wanted}"
    assert headers["X-Truc-Notice"] == "n1"


async def test_a_webhook_without_a_secret_gets_no_signature(tmp_path: Path, hook: Hook) -> None:
    await channel(tmp_path, webhook_urls=[hook.url]).send(notice())
    assert "X-Truc-Signature" not in hook.got[0][1]


async def test_an_address_that_leads_elsewhere_is_not_followed(tmp_path: Path, hook: Hook) -> None:
    hook.status, hook.headers = 302, {"Location": f"{hook.url}/elsewhere"}
    with pytest.raises(NotTaken, match="302"):
        await channel(tmp_path, webhook_urls=[hook.url]).send(notice())
    assert len(hook.got) == 1


async def test_a_chat_gets_the_text_and_the_token_is_in_the_address_only(tmp_path: Path, hook: Hook) -> None:
    (tmp_path / "token").write_text("123:abc", "utf-8")
    way = channel(tmp_path, telegram_url=hook.url, telegram_token_from="file:token", telegram_chats=["-100"])
    await way.send(notice(text="<b>*x*</b>" + "đ" * 9000))
    ((path, _, body),) = hook.got
    told = json.loads(body)
    assert (path, told["chat_id"]) == ("/bot123:abc/sendMessage", "-100")
    assert "parse_mode" not in told
    assert len(told["text"]) <= 4096
    assert told["text"].startswith(notice().title)


async def test_a_chat_that_refuses_is_told_without_the_token(tmp_path: Path, hook: Hook) -> None:
    (tmp_path / "token").write_text("123:abc", "utf-8")
    hook.status, hook.answer = 429, b'{"ok": false, "parameters": {"retry_after": 77}}'
    way = channel(tmp_path, telegram_url=hook.url, telegram_token_from="file:token", telegram_chats=["-100"])
    with pytest.raises(NotTaken) as told:
        await way.send(notice())
    assert told.value.wait == timedelta(seconds=77)
    hook.url = "http://127.0.0.1:1"
    way = channel(tmp_path, telegram_url=hook.url, telegram_token_from="file:token", telegram_chats=["-100"])
    with pytest.raises(NotTaken) as away:
        await way.send(notice())
    assert "123:abc" not in f"{told.value} {away.value} {told.value.__cause__} {away.value.__cause__}"


async def test_a_secret_that_is_not_there_is_told_by_its_place(tmp_path: Path, hook: Hook) -> None:
    way = channel(tmp_path, webhook_urls=[hook.url], webhook_secret_from="file:nothing")
    with pytest.raises(NotTaken, match="nothing"):
        await way.send(notice())
    assert hook.got == []


def test_several_webhooks_and_chats_have_names_of_their_own(tmp_path: Path) -> None:
    settings = AlarmSettings(
        webhook_urls=("http://a/", "http://b/"), telegram_token_from="env:T", telegram_chats=("1", "2")
    )
    found = channels_of(settings, folder=tmp_path, clock=Noon())
    assert [each.name for each in found] == ["webhook", "webhook-2", "telegram", "telegram-2"]


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "wrong",
    [
        {"mail_host": "mail", "mail_sender": "nobody", "mail_to": ["a@b.vn"]},
        {"mail_host": "mail", "mail_sender": "a@b.vn"},
        {"mail_host": "mail", "mail_sender": "a@b.vn", "mail_to": ["a@b.vn, c@d.vn"]},
        {"mail_host": "m", "mail_sender": "a@b.vn", "mail_to": ["a@b.vn"], "mail_tls": "none", "mail_user": "u"},
        {"mail_password_from": "hunter2"},
        {"webhook_urls": ["ftp://x/"]},
        {"telegram_chats": ["1"]},
        {"digest_to": {"H41": ["a@b.vn"]}},
        {"syslog": "http://x"},
        {"syslog": "udp://x:port"},
        {"off": ["everything"]},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        AlarmSettings(**wrong)


def test_a_webhooks_path_is_shown_nowhere() -> None:
    settings = AlarmSettings(webhook_urls=(f"https://u:p@hooks.vn:444/services/{SECRET}?k={SECRET}",))
    shown = f"{settings!r} {settings.model_dump(mode='json')}"
    assert SECRET not in shown
    assert settings.model_dump()["webhook_urls"] == ("https://hooks.vn:444/…",)


def test_an_empty_secret_is_none_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY", "")
    assert secret_of("", folder=tmp_path) == ""
    with pytest.raises(UsageProblem):
        secret_of("env:EMPTY", folder=tmp_path)


# ── The outbox of notices ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Scripted:
    name: str
    problems: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    async def send(self, given: Notice) -> None:
        if self.problems:
            raise NotTaken(self.problems.pop(0))
        self.sent.append(given.id)


@dataclass
class Ticking:
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


async def test_a_notice_is_sent_once_and_a_failed_one_again_later() -> None:
    book, clock, way = MemoryAlarmBook(), Ticking(), Scripted("mail", problems=["no answer"])
    book.add_notices([notice("n1"), notice("n2", due_at=NOON + timedelta(microseconds=1))])
    clock.at = NOON + timedelta(seconds=1)
    delivery = Delivery(book, way, clock=clock, give_up_after=DAY)
    assert (await delivery.portion()).failed == 1
    assert (await delivery.portion()).sent == 1
    clock.at += timedelta(minutes=1)
    assert (await delivery.portion()).sent == 1
    clock.at += DAY
    assert (await delivery.portion()).sent == 0
    assert way.sent == ["n2", "n1"]
    assert {each.id: (each.state, each.attempts) for each in book.notices()} == {
        "n1": (NoticeState.SENT, 2),
        "n2": (NoticeState.SENT, 1),
    }


async def test_a_channel_that_hangs_delays_no_other() -> None:
    book, clock = MemoryAlarmBook(), Ticking()
    book.add_notices([notice("n1"), notice("n2", channel="webhook")])
    release, told = asyncio.Event(), asyncio.Event()

    class Hanging(Scripted):
        async def send(self, given: Notice) -> None:
            await release.wait()
            await super().send(given)

    class Telling(Scripted):
        async def send(self, given: Notice) -> None:
            await super().send(given)
            told.set()

    slow, quick = Hanging("mail"), Telling("webhook")
    stopping = asyncio.Event()
    runs = [
        asyncio.create_task(Delivery(book, each, clock=clock, give_up_after=DAY).run(stopping))
        for each in (slow, quick)
    ]
    async with asyncio.timeout(10):
        await told.wait()
    assert slow.sent == []
    stopping.set()
    release.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*runs)
    assert slow.sent == ["n1"]


async def test_a_notice_that_nobody_took_for_a_day_is_given_up() -> None:
    book, clock, way = MemoryAlarmBook(), Ticking(), Scripted("mail", problems=["no answer"] * 500)
    book.add_notices([notice("n1")])
    delivery = Delivery(book, way, clock=clock, give_up_after=DAY)
    while book.notices()[0].state is NoticeState.WAITING:
        with contextlib.suppress(IndexError):
            clock.at = max(clock.at, book.notices()[0].due_at)
        await delivery.portion()
    assert book.notices()[0].state is NoticeState.GIVEN_UP
    assert clock.at - NOON >= DAY
