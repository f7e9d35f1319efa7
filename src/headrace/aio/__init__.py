"""asyncio helpers that know nothing of event source mappings.

`virtual_time` is the loop that jumps; `tasks` starts tasks; `signals` stops a process in two steps.
"""
