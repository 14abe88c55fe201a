"""A part of a console that exists for the tests of the frame alone: letters that can be read, burnt and sent."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from router.console.shell.addresses import BASE
from router.console.shell.app import build_console
from router.console.shell.asking import choice_asked, date_asked, number_asked, text_asked
from router.console.shell.page import (
    Ask,
    Done,
    Download,
    NotThere,
    Page,
    Plan,
    Refused,
    action_route,
    download_route,
    page_route,
)
from router.console.shell.rooms import NavEntry, Part
from router.console.shell.words import Words
from router.core.people import Person, Right, Role, Scope
from router.ports import StoreUnavailable
from tests.support.console import MORNING, ConsoleHouse

TITLE: Final = Words("Thư từ", "Letters")

LIST: Final = """{% extends "shell/base.html" %}{% import "shell/ui.html" as ui with context %}
{% block content %}{% for each in data.letters %}<p>{{ each.subject }} {{ ui.when(each.at) }}</p>{% endfor %}
{% call ui.filters("/letters") %}{{ ui.field("q", t("Tìm", "Search"), value=data.q) }}{% endcall %}{% endblock %}"""

ONE: Final = """{% extends "shell/base.html" %}{% block content %}<p>letter {{ data.id }}</p>{% endblock %}"""

GALLERY: Final = """{% extends "shell/base.html" %}
{% import "shell/ui.html" as ui with context %}{% import "shell/charts.html" as chart with context %}
{% block actions %}<a class="button" href="{{ href('/letters') }}">x</a>{% endblock %}
{% block content %}
<div class="stats">
{{ ui.stat("a", count(1234), note="b", tone="good", path=href("/letters"), values=[1, 5, 2]) }}
</div>
{% for tone in ("good", "wait", "warn", "bad", "idle") %}
{{ ui.pill(tone, tone) }}{{ ui.notice(tone, tone) }}
{% endfor %}
{% call ui.table("bảng", ["một", "hai"]) %}
<tr>{{ ui.cell("một", 1) }}{% call ui.cell("hai") %}<b>2</b>{% endcall %}</tr>
{% endcall %}
{{ ui.pager(after=href("/letters", {"after": "x"}), before=href("/letters"), says="1-20") }}
{{ ui.timeline([
  {"at": now, "text": "xong", "tone": "good", "note": "ghi chú", "actor": "hub"},
  {"at": now, "text": "x"},
]) }}
{{ ui.facts([("a", "b"), ("c", none), ("d", ui.code("x"))]) }}
{{ ui.empty("không có", "hãy làm", href("/letters"), "làm") }}
{{ ui.tabs("thẻ", [("a", href("/letters"), true, 3), ("b", href("/gallery"), false, 0)]) }}
{{ ui.share(0.75, "phần", "good") }}
{% call ui.form("/letters/burn") %}
{{ ui.field("f1", "a", hint="h", required=true) }}
{{ ui.select("f2", "b", [("", "–"), ("x", "X")], value="x") }}
{{ ui.textarea("f3", "c", hint="h") }}{{ ui.checkbox("f4", "d", checked=true) }}
<button type="submit">x</button>
{% endcall %}
{{ ui.post_button("/letters/burn", "x", {"letter": "1"}) }}
{% call ui.card("thẻ", "ghi chú") %}
<p>{{ shown(data.took) }} {{ span(90) }} {{ size(2048) }} {{ "abcdefghijklmnop"|short }} {{ now|day }}</p>
{% endcall %}
{{ chart.columns("cột", ["T2", "T3"], ["gửi", "nhận"], [[1, 2], [3, 4]]) }}
{{ chart.lines("đường", ["T2", "T3"], ["gửi"], [[1, 2]]) }}
{{ chart.ranks("hạng", [("a", 5, href("/letters")), ("b", 2, "")]) }}{{ chart.ranks("trống", []) }}
{{ chart.ring_of("phần", 0.5, "warn") }}
{% endblock %}"""


@dataclass
class Letters:
    """What was done with letters 1 (everybody's) and 2 (outside)."""

    burnt: list[tuple[str, str, str]] = field(default_factory=list)
    asked: int = 0
    counted: int = 0

    def counts(self, _person: Person, _scope: Scope) -> dict[str, int]:
        self.counted += 1
        return {"/letters": 3, "/secret": 0}

    def listed(self, request: Request, _person: Person, _scope: Scope) -> Page:
        number_asked(request, "size", usual=20, least=1, most=200)
        choice_asked(request, "role", Role)
        data: dict[str, Any] = {
            "q": text_asked(request, "q"),
            "letters": [{"id": "1", "subject": "Thư & <một>", "at": MORNING, "urgent": True}],
            "day": date_asked(request, "day") or MORNING.date(),
            "words": TITLE,
            "many": frozenset({"b", "a"}),
            "took": timedelta(seconds=90),
        }
        return Page(template="letters/list.html", title=TITLE, data=data)

    async def one(self, request: Request, _person: Person, _scope: Scope) -> Page | NotThere:
        if request.path_params["id"] != "1":
            return NotThere()
        return Page(template="letters/one.html", title=Words("Thư", "Letter"), data={"id": "1"})

    def gallery(self, _request: Request, _person: Person, _scope: Scope) -> Page:
        return Page(
            template="letters/gallery.html", title=Words("Mọi thứ", "Everything"), data={"took": Words("a", "b")}
        )

    def broken(self, _request: Request, _person: Person, _scope: Scope) -> Page:
        raise RuntimeError("bí mật bên trong")

    def away(self, _request: Request, _person: Person, _scope: Scope) -> Page:
        raise StoreUnavailable("bí mật bên trong")

    def burn(self, ask: Ask) -> Plan | Done | Refused:
        self.asked += 1
        there = [each for each in ask.every("letter") if each == "1"]
        if not there:
            return Refused(says=Words("Không có thư này.", "No such letters."), back="/letters")
        if ask.dry:
            return Plan(
                title=Words("Đốt thư", "Burn letters"),
                says=Words("Thư sẽ thành tro.", "They turn to ashes."),
                columns=(("subject", Words("Trích yếu", "Subject")),),
                rows=[{"subject": f"thư {each}"} for each in there],
                carry={"letter": there},
                back="/letters",
                danger=True,
                notes=(Words("Không lấy lại được.", "There is no way back."),),
            )
        self.burnt += [(each, ask.actor, ask.reason) for each in there]
        return Done(says=Words(f"Đã đốt {len(there)} thư.", f"Burnt {len(there)}."), to="/letters?burnt=1")

    async def send(self, ask: Ask) -> Plan:
        upload = ask.files["file"]
        row = {"name": upload.filename, "size": len(await upload.read()), "to": ask.one("to")}
        return Plan(title=TITLE, says=TITLE, rows=[row], possible=False)


def part_of_letters(made: Letters, folder: Path) -> Part:
    for name, text in (("list", LIST), ("one", ONE), ("gallery", GALLERY)):
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    (folder / "letters.css").write_text(".letters-own { color: inherit; }", encoding="utf-8")
    file = Download(name='a b".csv', media_type="text/csv", content=b"a;b")
    return Part(
        name="letters",
        routes=[
            *page_route("/letters", made.listed, right=Right.SEE),
            download_route("/letters/all.csv", lambda _request, _person, _scope: file, right=Right.SEE),
            *page_route("/letters/{id}", made.one, right=Right.SEE),
            *page_route("/gallery", made.gallery, right=Right.SEE),
            *page_route("/secret", made.listed, right=Right.AUDIT),
            *page_route("/broken", made.broken, right=Right.SEE),
            *page_route("/away", made.away, right=Right.SEE),
            action_route("/letters/burn", made.burn, right=Right.ACT),
            action_route("/letters/send", made.send, right=Right.ACT, form_bytes=2**16),
        ],
        navigation=(
            NavEntry(path="/secret", words=Words("Bí mật", "Secret"), right=Right.AUDIT, place=36),
            NavEntry(path="/letters", words=TITLE, right=Right.SEE, place=35),
        ),
        templates=folder,
        styles=folder / "letters.css",
        counts=made.counts,
    )


class LetterHouse(ConsoleHouse):
    """A console with letters and nothing else."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.letters = Letters()
        console = build_console(self.rooms, [part_of_letters(self.letters, folder)])
        self.app = Starlette(routes=[Mount(BASE, app=console)])


def house_of_letters(folder: Path) -> LetterHouse:
    return LetterHouse(folder)


def letters(house: ConsoleHouse) -> Letters:
    """What was done with the letters of such a house. Raises TypeError for another."""
    if not isinstance(house, LetterHouse):
        raise TypeError("a house without letters")
    return house.letters
