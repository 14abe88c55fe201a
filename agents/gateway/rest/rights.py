"""What a key may ask for, said early and in words; the office decides again."""

from agents.gateway.callers import Caller, Right
from agents.gateway.rest.problems import Problem, ProblemCode, Said


def requires(caller: Caller, *any_of: Right) -> None:
    """Raises Problem unless the key has one of these rights."""
    if any(caller.may(each) for each in any_of):
        return
    names = " / ".join(any_of)
    raise Problem(
        ProblemCode.FORBIDDEN,
        Said(
            vi=f"Khóa thiếu quyền {names}. Đề nghị quản trị tác nhân cấp (truc-agent keys).",
            en=f"The key lacks the right {names}. Ask the agent's administrator for it (truc-agent keys).",
        ),
    )


def of_organ(caller: Caller, organ: str) -> None:
    """Raises Problem for an organ that the key does not speak for; empty is all of its own."""
    if organ and not caller.speaks_for(organ):
        raise Problem(
            ProblemCode.FORBIDDEN,
            Said(
                vi="Khóa không được nói thay cơ quan ở tham số organ; GET /whoami cho biết khóa có cơ quan nào.",
                en="The key does not speak for the organ asked for; GET /whoami tells which it has.",
            ),
        )
