"""Owns the one way in which things of a kind are known by name: a new one is a new file plus one line."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from circuitlogic.errors import ConfigError, unknown_name

T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one kind by name, in the order in which they were added."""

    def __init__(self, what: str, entries: Mapping[str, T] | None = None) -> None:
        """`what`: what a thing is called in messages, as `gate kind`."""
        self.what = what
        self._entries = dict(entries or {})

    def add(self, name: str, entry: T) -> T:
        """Make `entry` known by `name`.

        Raises:
            ConfigError: the name is taken.
        """
        if name in self._entries:
            raise ConfigError(f"{self.what} {name!r} is registered already: choose another name")
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> T:
        """The thing of that name.

        Raises:
            UnknownNameError: there is none; suggests near names.
        """
        if name not in self._entries:
            raise unknown_name(self.what, name, self._entries)
        return self._entries[name]

    def chosen(self, names: Iterable[str]) -> tuple[T, ...]:
        """The things of these names, in that order; all, for none.

        Raises:
            UnknownNameError: there is none of such a name.
        """
        return tuple(self[name] for name in names) or tuple(self.values())

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def values(self) -> Iterable[T]:
        """The things themselves."""
        return self._entries.values()
