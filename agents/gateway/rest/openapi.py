"""The description of the interface, made from its code: OpenAPI 3.1, and a page of its own for people."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from agents.gateway.rest.around_shapes import HintShape
from agents.gateway.rest.problems import PROBLEM_TYPE, PROBLEMS, ProblemCode
from agents.gateway.rest.shapes import NewDocument, ProblemShape

PREFIX: Final = "/api/v1"
_ALWAYS: Final = (
    ProblemCode.UNAUTHENTICATED,
    ProblemCode.RATE,
    ProblemCode.INTERNAL,
    ProblemCode.UNAVAILABLE,
)
_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Giây / seconds", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
}
_HEADERS: Final[Mapping[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
_DESCRIPTION: Final = """
Giao diện gốc của tác nhân trục liên thông văn bản / the native interface of the agent.

* **Xác thực / authentication**: `Authorization: Bearer tlk_…` hoặc / or `X-API-Key`, hoặc chứng thư máy khách đã đăng
  ký / or a registered client certificate.
* **Lỗi / errors**: `application/problem+json` (RFC 9457); `type` là URN ổn định, `findings` nêu mọi lỗi và cách sửa.
* **Gửi lại an toàn / safe retries**: `Idempotency-Key`.
* Trả lời thành công nghĩa là tác nhân đã lưu bền; lời đáp của trục đến sau, xem `GET /documents/{submission_id}`.
  Success means durable here; the hub's verdict comes later.
"""
_SCHEMES: Final[dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Khóa API tlk_… / API key"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "clientCertificate": {"type": "mutualTLS", "description": "Chứng thư máy khách / client certificate"},
}


OF_BODY: Final = (
    ProblemCode.MALFORMED,
    ProblemCode.TOO_SLOW,
    ProblemCode.TOO_LARGE,
    ProblemCode.MEDIA_TYPE,
    ProblemCode.INVALID,
)
"""What may be wrong with the body of an operation."""
OF_LIST: Final = (ProblemCode.CURSOR, ProblemCode.FORBIDDEN, ProblemCode.INVALID)
OF_ONE: Final = (ProblemCode.FORBIDDEN, ProblemCode.NOT_FOUND, ProblemCode.INVALID)
"""Of an operation about one document, submission or delivery."""


def problems(*codes: ProblemCode) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation: these problems, and those that any operation has."""
    found: dict[int | str, dict[str, Any]] = {}
    for code in dict.fromkeys((*codes, *_ALWAYS)):
        status = PROBLEMS[code].status
        told = f"{PROBLEMS[code].title[0]} / {PROBLEMS[code].title[1]}"
        if status in found:
            found[status]["description"] += f"; {told}"
            continue
        found[status] = {
            "description": told,
            "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemShape"}}},
        }
        if status in _HEADERS:
            found[status]["headers"] = _HEADERS[status]
    return dict(sorted(found.items(), key=lambda each: int(each[0])))


def bytes_answer(description: str, media_type: str) -> dict[int | str, dict[str, Any]]:
    """The response 200 of an operation that answers with a file."""
    schema = {"type": "string", "contentMediaType": media_type}
    return {200: {"description": description, "content": {media_type: {"schema": schema}}}}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        description=_DESCRIPTION.strip(),
        routes=app.routes,
        servers=[{"url": PREFIX}],
        separate_input_output_schemas=True,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for model in (ProblemShape, NewDocument, HintShape):
        shown = model.model_json_schema(ref_template="#/components/schemas/{model}")
        for name, schema in shown.pop("$defs", {}).items():
            schemas.setdefault(name, schema)
        schemas[model.__name__] = shown
    components["securitySchemes"] = _SCHEMES
    document["security"] = [{name: []} for name in _SCHEMES]
    return document


def page(document: Mapping[str, Any]) -> str:
    """The operations as a page that loads nothing from anywhere."""
    rows = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            answers = " ".join(sorted(operation["responses"]))
            told = escape(operation.get("description", "")).replace("\n\n", "<br>")
            rows.append(
                f"<tr><td><code>{escape(method.upper())}</code></td><td><code>{escape(PREFIX + path)}</code></td>"
                f"<td><strong>{escape(operation['summary'])}</strong><br>{told}</td><td>{escape(answers)}</td></tr>"
            )
    return (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>'
        f"{escape(document['info']['title'])}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(document['info']['title'])} {escape(document['info']['version'])}</h1>"
        '<p>Mô tả đầy đủ cho máy / the full description for machines: <a href="openapi.json">openapi.json</a> '
        "(OpenAPI 3.1).</p><table><thead><tr><th>Phương thức<br>method</th><th>Đường dẫn<br>path</th>"
        "<th>Việc<br>what</th><th>Trả lời<br>answers</th></tr></thead><tbody>"
        f"{''.join(rows)}</tbody></table></body></html>"
    )


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem;color:#1c1c1c;background:#fff}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.5rem;text-align:left;"
    "vertical-align:top}code{font-size:.95em;overflow-wrap:anywhere}"
)
STYLE_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
)
"""Content-Security-Policy of the page: its own style, and nothing else."""
