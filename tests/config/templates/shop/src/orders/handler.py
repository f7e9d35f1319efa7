def process(event: object, context: object) -> dict[str, list[object]]:
    return {"batchItemFailures": []}
