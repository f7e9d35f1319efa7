"""Frozen values: nouns of the field, without behaviour.

No I/O, no clock, no asyncio. Start with `record`, `outcome` and `mapping`.
"""
