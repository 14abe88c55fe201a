"""`truc doctor`: looks at everything the hub stands on, says what is wrong and how to mend it, and mends what is safe.

One room per thing that is looked at; `examination.py` walks through them. Each look gives diagnoses as values and never
raises: what cannot be looked at is a diagnosis, too.
"""
