"""`edxml check`: all faults of envelopes, and what would have to happen for them to be accepted."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edxml_schemas.commands.options import AsJson, Language, Verbose
from edxml_schemas.commands.output import Exit, Lang, label, print_findings, print_json, read_input, say

if TYPE_CHECKING:
    from edxml_schemas.judgement import Judgement

_STATE_TEXT: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "sound": ("toàn vẹn", "sound"),
        "missing": ("không có chữ ký", "missing"),
        "decorative": ("chỉ để trang trí", "decoration only"),
        "broken": ("không hợp lệ", "broken"),
        "unreadable": ("chưa xem được vì XML hỏng", "cannot be looked at in broken XML"),
    }
)


def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Tệp .edxml; “-” là stdin. / Envelopes.")],
    *,
    as_json: AsJson = False,
    lang: Language = Lang.BOTH,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Kiểm tra gói tin: nêu mọi lỗi, chỗ sai, cách sửa / Name all faults, where, and how to mend them.

    Không cần mạng. Phân biệt lỗi định dạng, lỗi tệp đính kèm, chữ ký (missing, decorative, broken, sound) và cho biết
    gói tin sẽ được nhận nếu điều gì được sửa.

    Needs no network. Tells schema faults from attachment faults and from the signature's state, and says what would
    make the envelope acceptable. Verdicts: accepted, accepted-if-signed, refused.

    Ví dụ / example:  edxml check van-ban.edxml trang-thai.edxml --json

    Mã thoát / exit codes: 0 mọi tệp “accepted” / every file accepted (trust in the certificate stays open, see edxml
    verify) · 1 có tệp khác / any other verdict · 2 sai cách dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from edxml_schemas.commands.shapes import judgement_shape
    from edxml_schemas.judgement import Verdict, judge

    shapes: list[dict[str, object]] = []
    good = True
    for name in files:
        judgement = judge(read_input(name, lang=lang))
        good = good and judgement.verdict is Verdict.ACCEPTED
        if as_json:
            shapes.append(judgement_shape(name, judgement))
        else:
            _print(name, judgement, lang=lang)
    if as_json:
        print_json(shapes)
    raise typer.Exit(Exit.GOOD if good else Exit.NEGATIVE)


def _print(name: str, judgement: "Judgement", *, lang: Lang) -> None:
    state = judgement.signature_state
    typer.secho(name, bold=True)
    say(lang, judgement.summary.vi, judgement.summary.en, indent="  ")
    for title, findings in (
        (label(lang, "Lỗi định dạng", "schema faults"), judgement.structure),
        (label(lang, "Lỗi tệp đính kèm", "attachment faults"), judgement.attachments),
    ):
        none = label(lang, "không có", "none")
        typer.echo(f"  {title}: {len(findings) or none}")
        print_findings(findings, lang=lang)
    vi, en = _STATE_TEXT[state.value]
    typer.echo(f"  {label(lang, 'Chữ ký', 'signature')}: {state.value} ({label(lang, vi, en)})")
    print_findings(judgement.signature, lang=lang)
    if judgement.remarks:
        typer.echo(f"  {label(lang, 'Lưu ý', 'remarks')}: {len(judgement.remarks)}")
        print_findings(judgement.remarks, lang=lang)
    typer.echo(f"  {label(lang, 'Sẽ được nhận nếu', 'would be accepted if')}:")
    for each in judgement.would_be_accepted_if:
        say(lang, f"- {each.vi}", f"- {each.en}", indent="    ")
