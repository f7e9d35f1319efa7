def lambda_handler(event: object, context: object) -> None:
    return None
