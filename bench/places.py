"""Where benches put what they make."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
_SCRATCH = ROOT / "build" / "bench"
RIVALS = ROOT / ".venv" / "rivals"
"""The environment of what Headrace is compared with: nothing of it belongs into its own."""


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A directory that is removed afterwards; on the disk of the checkout, since the one for temporary files may be memory."""
    _SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_SCRATCH) as directory:
        yield Path(directory)
