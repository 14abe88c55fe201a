"""Send an envelope, as a value or as bytes."""

from datetime import date

from agents.agent import Agent
from agents.packaging import refusal_lines
from edxml_schemas.model import Code, Document, DocumentType, Organ, PromulgationInfo


async def send_letter(agent: Agent, *, sender: str, recipient: str, number: str) -> str:
    """Returns the submission id. Raises ValueError with everything that is wrong, and how to mend it."""
    day = date(2026, 11, 20)
    letter = Document(
        sender=Organ(organ_id=sender),
        recipients=(Organ(organ_id=recipient),),
        document_id=f"{sender},{day:%Y/%m/%d},{number}/VPCP-TTĐT",
        code=Code(code_number=number, code_notation="VPCP-TTĐT"),
        promulgation_info=PromulgationInfo(place="Hà Nội", promulgation_date=day),
        document_type=DocumentType(type=2, type_detail=0, type_name="Công văn"),
        subject="Về việc kết nối, liên thông",
    )
    sent = await agent.send(letter)  # or the bytes of an .edxml, signed or not
    if isinstance(sent, str):
        return sent  # durable here, whatever happens next; the agent signs, sends and repeats
    raise ValueError("\n".join(refusal_lines(sent)))
