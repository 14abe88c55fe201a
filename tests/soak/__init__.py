"""`make soak`: documents travel while everything that can break does, and in the end every one is accounted for."""
