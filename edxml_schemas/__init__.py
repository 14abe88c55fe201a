"""EDXML as it is really used: the format, offline.

Reads, checks, writes and signs the envelopes of QCVN 102:2016/BTTTT. Knows no broker, database or web.
"""
