"""`truc evidence`: proof of a document that anybody can check without the hub."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from router.commands.acting import By, actor_of
from router.commands.opening import AsJson, ConfigPath, print_json, say
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from router.adapters.sql.store import SqlStore
    from router.core.records import MessageRecord
    from router.services.proof.exporting import Exported
    from router.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Hồ sơ chứng cứ của văn bản. / Evidence about a document.")


@app.callback()
def root() -> None:
    """Hồ sơ chứng cứ của văn bản. / Evidence about a document."""


@app.command("export")
def export(
    query: Annotated[
        str,
        typer.Argument(
            metavar="DOCUMENT", help="DocumentId, số/ký hiệu hoặc mã thông điệp. / DocumentId, code or message id."
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.zip", help="Nơi ghi hồ sơ. / Where to write it.")],
    force: Annotated[bool, typer.Option("--force", help="Ghi đè tệp đã có. / Overwrite what exists.")] = False,
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Xuất hồ sơ chứng cứ, kiểm tra được không cần mạng / Export evidence that can be checked offline.

    Gói tin gốc từng byte, trạng thái, biên nhận có chữ ký của trục, chứng thư và danh sách thu hồi, nhật ký đã niêm
    phong, bản tóm tắt để in. Nhật ký được niêm phong ngay trước khi xuất. Kiểm tra: edxml verify-evidence FILE.zip.
    The original bytes, statuses, signed receipts, certificates and revocation lists, the sealed log, and a summary to
    print. The log is sealed first. Check it with: edxml verify-evidence FILE.zip.

    Ví dụ / example:  truc evidence export 7816/VPCP-TTĐT -o chung-cu.zip

    Mã thoát / exit codes: 0 đã xuất / exported · 1 không thấy, có nhiều, hoặc nhật ký không khớp / nothing or several
    found, or the log does not hold · 2 sai cách dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from router.app.parts import open_store
    from router.settings import load_settings

    if out.exists() and not force:
        raise UsageProblem(f"{out} đã có; thêm --force để ghi đè", f"{out} exists already; add --force to overwrite")
    settings = load_settings(config)
    store = open_store(settings)
    try:
        message = _found(store, query)
        made = _package(settings, store, message, actor_of(by))
    finally:
        store.close()
    data, verdict = made.data, made.verdict
    if not verdict.good:
        for each in verdict.failed:
            say(f"{each.vi} [{each.about}]", f"{each.en} [{each.about}]")
        say(
            "Không xuất: chứng cứ không khớp; chạy truc log verify.",
            "Not exported: it does not agree; truc log verify.",
        )
        raise typer.Exit(ExitCode.NEGATIVE)
    _write(out, data)
    if as_json:
        print_json({"out": str(out), "size": len(data), "message_id": message.id, **verdict.as_dict()})
        return
    typer.echo(str(out))
    known_as = message.code or message.document_id or message.id
    certificate = settings.folder / settings.hub_key.certificate
    say(
        f"Đã xuất chứng cứ của {known_as} ({len(data)} byte).",
        f"Exported the evidence of {known_as} ({len(data)} bytes).",
        f"Kiểm tra / check it:  edxml verify-evidence {out} --hub-cert {certificate}",
    )


def _found(store: "SqlStore", query: str) -> "MessageRecord":
    from router.services import tracing

    found = [each.message for each in tracing.trace(store, query)]
    if len(found) == 1:
        return found[0]
    if not found:
        say(f"Không tìm thấy “{query}” trên trục.", f"Nothing on the hub is known by “{query}”.")
    else:
        say(f"“{query}” là {len(found)} thông điệp; hãy chọn một mã:", f"“{query}” is several messages; choose an id:")
        for each in found[:20]:
            say(f"  {each.id}  {each.code}  {each.document_id}")
    raise typer.Exit(ExitCode.NEGATIVE)


def _package(settings: "Settings", store: "SqlStore", message: "MessageRecord", actor: str) -> "Exported":
    """The package after it was verified; that somebody got it stands in the log."""
    from router.adapters.clock import SystemClock
    from router.app.documents import evidence_export
    from router.app.parts import open_payloads
    from router.services.proof.evidence import EvidenceProblem

    payloads = open_payloads(settings)
    try:
        export = evidence_export(settings, store, payloads, clock=SystemClock())
        return export.export(message, actor=actor)
    except EvidenceProblem as problem:
        say(problem.vi, problem.en)
        raise typer.Exit(ExitCode.NEGATIVE) from problem
    finally:
        payloads.close()


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".truc-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
