"""Headrace: an event source mapping engine that runs anywhere."""
