"""The tables of the reference pages, made from the declarations. The pages hold them between cog's marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.config import vocabulary
from headrace.config.options import NAMED, OPTIONS
from headrace.config.schema import DECLARATIONS
from headrace.config.setting_types import Settings
from headrace.config.validation import expectation, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def settings_table(name: str) -> str:
    """Return the settings of the kind *name* (see `DECLARATIONS`) as a Markdown table."""
    rows = ["| Setting | Holds | Default | What for |", "| --- | --- | --- | --- |"]
    rows.extend(_rows(DECLARATIONS[name]))
    return "\n".join(rows) + "\n"


def _rows(model: type[Settings], prefix: str = "") -> Iterator[str]:
    schema = schema_of(model)
    for field in model.model_fields.values():
        setting = prefix + (field.alias or "")
        declared = schema(field.alias or "")
        default = "required" if field.is_required() else _default(field.default)
        yield f"| `{setting}` | {expectation(declared)} | {default} | {field.description} |"
        below = _model_in(field.annotation)
        if below is not None:
            yield from _rows(below, f"{setting}.")


def _model_in(annotation: Any) -> type[Settings] | None:  # noqa: ANN401 - what pydantic keeps of a type
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    for each in candidates:
        if isinstance(each, type) and issubclass(each, Settings):
            return each
    return None


def _default(value: object) -> str:
    if value in {None, ()} or isinstance(value, Settings):
        return ""
    return {True: "`true`", False: "`false`"}[value] if isinstance(value, bool) else f"`{value}`"


def names(which: str) -> str:
    """Return the list *which* of `headrace.config.vocabulary` as one line."""
    found: Iterable[str] = getattr(vocabulary, which)
    return ", ".join(f"`{name}`" for name in sorted(found)) + ".\n"


def options_table() -> str:
    """Return the options of file and environment as a Markdown table."""
    rows = ["| In `headrace.toml` | Variable | Holds | What for |", "| --- | --- | --- | --- |"]
    rows += [
        f"| `{each.name}` | `{each.variable}` | {each.expected} | {each.help} |" for each in OPTIONS
    ]
    rows += [
        f"| `[{name}]` | `HEADRACE_{name.upper()}_NAME` | a table of strings | {text} |"
        for name, text in NAMED.items()
    ]
    return "\n".join(rows) + "\n"
