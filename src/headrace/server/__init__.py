"""What a running engine shows over HTTP: for now health, readiness and metrics.

`board` is what is shown: filled by the engine's loop, read by other threads. `metrics` turns it into Prometheus'
text, `requests` judges a request, `status` listens. Nothing here changes anything in the engine, and no message is ever shown.
"""
