"""One open store for each file in a process, however many producers use it."""

from __future__ import annotations

import atexit
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.store import forking
from headrace.store.writer import Store

if TYPE_CHECKING:
    import os


class SharedStores:
    """Opens stores on demand and closes each when nobody holds it any more, or at the end of the process."""

    def __init__(self) -> None:
        self._lock = forking.opening  # so that no fork falls between an opening and its entry here
        self._stores: dict[Path, Store] = {}
        self._holders: dict[Path, set[int]] = {}
        atexit.register(self.close_all)

    def hold(self, path: str | os.PathLike[str], holder: object) -> Store:
        """The open store at *path*, opened now if need be, never made; *holder* has it until it lets go."""
        place = Path(path).resolve()
        with self._lock:
            store = self._stores.get(place)
            if store is None:
                store = self._stores[place] = Store.open(place, create=False)
            self._holders.setdefault(place, set()).add(id(holder))
            return store

    def let_go(self, store: Store, holder: object) -> None:
        """Close *store* if nobody else holds it."""
        with self._lock:
            holders = self._holders.get(store.path, set())
            holders.discard(id(holder))
            if holders or self._stores.get(store.path) is not store:
                return
            del self._stores[store.path], self._holders[store.path]
        store.close()

    def close_all(self) -> None:
        """Close what is still held."""
        with self._lock:
            stores = list(self._stores.values())
            self._stores.clear()
            self._holders.clear()
        for store in stores:
            store.close()


SHARED = SharedStores()
