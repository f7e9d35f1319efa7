"""Adapters that read from one kind of source each, by the protocols in `headrace.abc`.

`store` reads a queue of the embedded store. An adapter translates its library's errors into `headrace.errors`
and knows nothing of the loops that drive it.
"""
