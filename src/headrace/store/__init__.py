"""The embedded store: one SQLite file under all adapters that keep something.

`writer.Store` is the door: operations go in as plain functions of (transaction, now in milliseconds) and
what they return comes back once it is committed. `inline.InlineStore` is the same door without a thread,
for simulations. `queues` and its neighbours hold the operations. Nothing here knows of mappings or handlers.

Start with `writer` for commits, `file` for what may be opened, `schema` for what lies in it.
"""
