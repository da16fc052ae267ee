"""Lock files that are one document: npm's JSON, the TOML of Cargo, Poetry and uv."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attribution.pointers import pointer_step
from controlplane.risk.dependency.lock import Lock, Origin, Package, address, host, lock_of
from controlplane.risk.reading import UnreadableError

Table = Mapping[Any, Any]
_DIRECT = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_INSTALLED = "node_modules/"
_OWN = ("virtual", "editable", "directory")


def npm(document: Table) -> Lock:
    if isinstance(document.get("packages"), Mapping):
        return lock_of(_by_path(document["packages"]))
    if isinstance(document.get("dependencies"), Mapping):
        return lock_of(_by_name(document["dependencies"]))
    if "lockfileVersion" in document or not document:
        return Lock()
    raise UnreadableError("it has neither `packages` nor `dependencies`")


def _by_path(packages: Table) -> Iterator[Package]:
    """From lockfileVersion 2 on: by where it is put; what is put nowhere is the project itself."""
    wanted = {
        str(name)
        for path, entry in packages.items()
        if _INSTALLED not in str(path)
        for part in _DIRECT
        for name in _table(_table(entry).get(part))
    }
    for path, entry in packages.items():
        before, installed, name = str(path).rpartition(_INSTALLED)
        if installed and not _table(entry).get("link"):
            top = not before
            yield _of_npm(name, _table(entry), f"/packages/{_escaped(path)}", top, name in wanted)


def _by_name(dependencies: Table) -> Iterator[Package]:
    todo = [("/dependencies", dependencies, True)]
    while todo:
        pointer, level, top = todo.pop()
        for name, entry in level.items():
            where = f"{pointer}/{_escaped(name)}"[-300:]
            yield _of_npm(str(name), _table(entry), where, top, None)
            inner = _table(_table(entry).get("dependencies"))
            if inner:
                todo.append((f"{where}/dependencies", inner, False))


def _of_npm(name: str, entry: Table, where: str, top: bool, direct: bool | None) -> Package:  # noqa: FBT001 - facts of one entry
    resolved, version = _text(entry.get("resolved")), _text(entry.get("version"))
    integrity = _text(entry.get("integrity")).split()[:10]
    hashes = {word.partition("-")[0]: frozenset({word}) for word in integrity}
    if "://" in version or version.startswith(("git", "file:")):
        resolved = version  # before lockfileVersion 2 an address stands here
    return Package(
        name=(_text(entry.get("name")) or name)[:214],
        version=version[:200],
        where=where,
        origin=Origin("own") if entry.get("inBundle") else _npm_origin(resolved),
        hashes=hashes,
        direct=direct if top else False,
        install_script=entry.get("hasInstallScript") is True,
        leading=top,
    )


def _npm_origin(resolved: str) -> Origin:
    """A registry keeps a package's files below `/-/`; a plain address does not."""
    if not resolved:
        return Origin()
    if resolved.startswith("https:") and "/-/" in resolved:
        return Origin("registry", host(resolved))
    return address(resolved)


def toml(document: Table) -> Lock:
    given = document.get("package", [])
    if not isinstance(given, list):
        raise UnreadableError("`package` is a list of tables")
    entries = [_table(entry) for entry in given]
    wanted = _wanted(entries)
    files = _table(_table(document.get("metadata")).get("files"))
    return lock_of(_of_toml(entry, wanted, files) for entry in entries)


def _wanted(entries: Sequence[Table]) -> set[str]:
    """What the project's own members name; where none is listed, what no other package names."""
    own = [entry for entry in entries if _toml_origin(entry).whence == "own"]
    if own:
        return {name for entry in own for name in _needs(entry)}
    needed = {name for entry in entries for name in _needs(entry)}
    return {_text(entry.get("name")) for entry in entries} - needed


def _needs(entry: Table) -> Iterator[str]:
    """Cargo: `"name version"`; uv: `{name = …}`; Poetry: a table by name."""
    given = entry.get("dependencies")
    groups = _table(entry.get("dev-dependencies")) | _table(entry.get("optional-dependencies"))
    for needed in [given, *groups.values()]:
        if isinstance(needed, Mapping):
            yield from map(str, needed)
        elif isinstance(needed, list):
            for one in needed:
                text = _text(one.get("name") if isinstance(one, Mapping) else one)
                yield text.partition(" ")[0]


def _of_toml(entry: Table, wanted: set[str], files: Table) -> Package:
    name = _text(entry.get("name"))[:214]
    if not name:
        raise UnreadableError("a package has a `name`")
    return Package(
        name=name,
        version=_text(entry.get("version"))[:200],
        where=f"/package/{_escaped(name)}",
        origin=_toml_origin(entry),
        hashes=_hashes(entry, files.get(name)),
        direct=name in wanted,
    )


def _toml_origin(entry: Table) -> Origin:
    given = entry.get("source")
    if isinstance(given, str):  # Cargo
        kind, _, url = given.partition("+")
        return Origin("registry", host(url)) if kind in ("registry", "sparse") else address(given)
    source = _table(given)
    if "type" in source:
        return _poetry_origin(source)
    if any(key in source for key in _OWN):
        return Origin("own")
    if source:
        return _uv_origin(source)
    # Poetry leaves the default out and Cargo a member's: only the former has files or `optional`.
    poetry = "optional" in entry or "files" in entry or "python-versions" in entry
    return Origin("registry", "pypi.org") if poetry else Origin("own")


def _uv_origin(source: Table) -> Origin:
    if "registry" in source:
        return Origin("registry", host(_text(source["registry"])))
    if "git" in source:
        return address(f"git+{_text(source['git'])}")
    if "url" in source:
        return address(_text(source["url"]))
    return Origin("path", _text(source.get("path"))[:200], fixed=False)


def _poetry_origin(source: Table) -> Origin:
    url, kind = _text(source.get("url")), source["type"]
    if kind == "git":
        commit = _text(source.get("resolved_reference"))
        return address(f"git+{url}#{commit}")
    if kind == "url":
        return address(url)
    if kind in ("directory", "file"):
        return Origin("path", url[:200], fixed=False)
    return Origin("registry", host(url))


def _hashes(entry: Table, files: Any) -> dict[str, frozenset[str]]:
    checksum = _text(entry.get("checksum"))
    if checksum:
        return {"checksum": frozenset({checksum})}
    found: dict[str, frozenset[str]] = {}
    given = [entry.get("files") or files, entry.get("wheels"), [entry.get("sdist")]]
    for one in (one for some in given if isinstance(some, list) for one in some):
        table = _table(one)
        file = _text(table.get("file") or table.get("url") or table.get("filename"))
        text = _text(table.get("hash"))
        if text:
            slot = f"{file.rpartition('/')[2][:200]} {text.partition(':')[0]}"
            found[slot] = frozenset({text})
    return found


def _table(value: Any) -> dict[Any, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _escaped(key: Any) -> str:
    return pointer_step(str(key)[:250])
