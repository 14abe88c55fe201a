"""Why the office itself refuses something, in words. What is wrong with an envelope is said by its findings."""

from agents.packaging import Refusal
from edxml_schemas.drafts import DraftProblem


def may_not(what_vi: str, what_en: str) -> Refusal:
    """The key's rights do not reach."""
    return _one(
        vi=f"Khóa truy cập này không có quyền {what_vi}.",
        en=f"This key may not {what_en}.",
        remedy_vi="Đề nghị người quản trị agent cấp khóa có quyền ấy (truc-agent keys).",
        remedy_en="Ask the agent's administrator for a key with that right (truc-agent keys).",
        where="key",
    )


def no_organ() -> Refusal:
    """None of the key's organs is in agent.toml any more."""
    return _one(
        vi="Không còn cơ quan nào của khóa truy cập này trong cấu hình của agent (agent.toml).",
        en="None of this key's organs is in the agent's settings (agent.toml) any more.",
        remedy_vi="Đề nghị người quản trị agent khai lại cơ quan, hoặc cấp khóa cho cơ quan khác (truc-agent keys).",
        remedy_en="Ask the agent's administrator to put the organ back, or for a key of another one (truc-agent keys).",
        where="key",
    )


def bad_submission_id() -> Refusal:
    return _one(
        vi="Mã lần gửi chỉ gồm chữ, số và . _ : - , dài không quá 100 ký tự.",
        en="A submission id has letters, digits and . _ : - only, at most 100 of them.",
        remedy_vi="Đề nghị dùng mã khác, hoặc bỏ trống để agent tự đặt.",
        remedy_en="Use another one, or leave it out and the agent makes one.",
        where="submission_id",
    )


def used_submission_id() -> Refusal:
    return _one(
        vi="Mã lần gửi này đã dùng cho nội dung khác.",
        en="This submission id was used for something else.",
        remedy_vi="Mỗi nội dung cần một mã lần gửi riêng; đề nghị dùng mã khác.",
        remedy_en="Every content needs a submission id of its own; use another one.",
        where="submission_id",
    )


def _one(*, where: str, vi: str, en: str, remedy_vi: str, remedy_en: str) -> Refusal:
    return (DraftProblem(where=where, source="", vi=vi, en=en, remedy_vi=remedy_vi, remedy_en=remedy_en),)
