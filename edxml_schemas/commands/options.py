"""Options that several commands share."""

from typing import Annotated, Final

import typer

from edxml_schemas.commands.output import Lang

AsJson = Annotated[bool, typer.Option("--json", help="In kết quả dạng JSON. / Print the result as JSON.")]
Language = Annotated[Lang, typer.Option("--lang", help="Ngôn ngữ hiển thị. / Which languages to speak.")]
Force = Annotated[bool, typer.Option("--force", help="Ghi đè tệp đã có. / Overwrite what exists.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="In chi tiết khi có sự cố. / Show the traceback when something breaks.")
]

EXIT_CODES: Final = (
    "Mã thoát / exit codes: 0 tốt / good · 1 kết quả xấu / negative verdict · "
    "2 sai cách dùng / usage · 3 sự cố hạ tầng / infrastructure."
)
