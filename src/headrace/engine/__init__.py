"""The loops: poll a queue, hand batches over, settle them, keep them hidden meanwhile.

Loops ask `headrace.policy` and act; they know sources and invokers by protocol only. Start with
`queue_poller`, then `dispatcher`.
"""
