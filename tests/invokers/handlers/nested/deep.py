"""A handler below a folder."""


def handler(event, context):
    return "deep"
