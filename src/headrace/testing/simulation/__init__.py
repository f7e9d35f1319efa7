"""The engine itself on a virtual clock, for tests: what `headrace.testing.Simulation` is made of.

Nothing here decides what the engine decides. Queues are in memory (or the store's own operations in memory), functions
are called in this process, and between them run the same pollers, policies and settlers as anywhere else.
Start with `simulation`, then `engine_life`.
"""
