"""Adapters of other harnesses, to check this one's figures by somebody else's clock."""
