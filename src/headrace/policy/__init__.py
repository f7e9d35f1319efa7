"""Pure decisions: what to batch, retry, settle, extend; how far to scale.

Nothing here sleeps, awaits, reads a clock or draws a random number: times and draws are arguments.
Loops in `headrace.engine` ask and act. Start with `batching` and `partial`.
"""
