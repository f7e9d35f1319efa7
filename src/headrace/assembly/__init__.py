"""The one place that turns names into concrete sources and invokers, and wires them.

`service` runs mappings until they are stopped, idle or stuck; `running` does that for a template, `headrace.app` for
Python code. Adapters are imported here, where they are used.
"""
