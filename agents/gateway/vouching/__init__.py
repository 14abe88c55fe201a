"""Legacy envelopes: mended, signed, proved equal, and said so. See README.md."""

from agents.gateway.vouching.trace_headers import with_trace
from agents.gateway.vouching.voucher import SoundEnvelope, VouchedEnvelope, vouch

__all__ = ["SoundEnvelope", "VouchedEnvelope", "vouch", "with_trace"]
