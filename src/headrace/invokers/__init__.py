"""How a handler is reached: in process, or in worker processes over the Lambda Runtime API.

Here lives all that starts, watches and ends handlers, and what makes their answers look as Lambda's do.
What an answer means for records is decided in `policy`; when to invoke, in `engine`.

Start with `in_process` for callables and with `fleet` for worker processes.
"""
