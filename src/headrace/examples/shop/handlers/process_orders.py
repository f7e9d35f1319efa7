# ruff: noqa: BLE001, S310
import json
import os
import urllib.request

PAYMENTS_URL = os.environ.get("PAYMENTS_URL", "")


def lambda_handler(event, context):
    failures = []
    for record in event.get("Records", []):
        try:
            process(record)
        except Exception:
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def process(record):
    """Pay one order. Whatever is raised here brings this order back, and no other."""
    order = json.loads(record["body"])
    order_id = order["order_id"]
    if PAYMENTS_URL:
        pay(order, key=record["messageId"])
    print("PAID:", order_id)


def pay(order, key):
    """Ask the payments service, which takes a key only once: an order that comes twice is paid once."""
    call = urllib.request.Request(
        PAYMENTS_URL,
        data=json.dumps(order).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": key},
    )
    with urllib.request.urlopen(call, timeout=3):
        pass
