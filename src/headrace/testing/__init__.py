"""What users test with: conformance suites for sources and invokers, history checkers.

Nothing here is imported by the engine. Start with `queue_source_suite`.
"""
