"""`headrace demo`: a shop's orders on the way through three queues, with a producer and a payments service.

Here are the parts that are not the engine: what feeds it (`producer`), what it works for (`payments`), who
watches (`ledger`) and who judges (`verdict`). `session` puts them together and shows nothing; the screen
is `headrace.cli.demo`. The functions and their template are `examples/shop`, which deploys to AWS as it is.
"""
