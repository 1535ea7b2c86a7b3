"""What made a result: the files that code reaches by its imports, and a digest of the objects that decide a training.

A stored result may be used as long as nothing has changed that decides it. :func:`stamp` says so for the tables of the
bank, from files; :class:`Description` for the copies of a sweep, from objects in memory, an edited cell among them.
"""

from __future__ import annotations

import ast
import builtins
import copyreg
import dis
import functools
import hashlib
import importlib.util
import sys
import sysconfig
import threading
import types
import uuid
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .data.files import PACKAGE, data_folder

# --- files ----------------------------------------------------------------------------------------------------------


def stamp(roots: Iterable[str]) -> str:
    """A hash of what ``roots`` do and of the bundled data that they read; comments, docstrings and layout aside.

    A root is a module of the package with all that it imports ("data/questions"), or, with its ending, one file alone,
    of the package or of the data folder ("bank/experiments.py"). One that is not there counts as empty.
    """
    roots = set(roots)
    alone = {root for root in roots if root.endswith(".py")}
    files = {file.relative_to(PACKAGE).as_posix(): file for file in imported(roots - alone)}
    files |= {root: PACKAGE / root if (PACKAGE / root).is_file() else data_folder() / root for root in alone}
    digest, folders = hashlib.sha256(), set()
    for name, file in sorted(files.items()):
        digest.update(f"{name}\n{essence(source_of(file))}\n".encode())
        folders |= data_named(source_of(file))
    for folder in sorted(folders):
        digest.update(folder.encode() + (data_folder() / folder / "SHA256SUMS").read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def imported(modules: Iterable[str]) -> set[Path]:
    """The files of the package that ``modules`` (such as "data/questions") are and import, at any depth.

    A name taken from a package leads to the file that defines it, not to all that the package's ``__init__`` imports.
    """
    found, left = set(), [module_file(PACKAGE / module) for module in modules]
    while left:
        file = left.pop()
        if file not in found:
            found.add(file)
            left += imports(file)
    return found


def roots_of(*what: object) -> list[str]:
    """The modules of the package in which classes, with their parents, and functions are defined."""
    classes = (kind for one in what for kind in (one.__mro__ if isinstance(one, type) else (one,)))
    names = [kind.__module__.split(".") for kind in classes]
    return sorted({"/".join(rest) for package, *rest in names if package == PACKAGE.name})


def imports(file: Path) -> Iterator[Path]:
    """The files of the package that a file imports from, anywhere in it; all, of a package that loads them lazily."""
    tree = parsed(source_of(file))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for path in (place_of(alias.name) for alias in node.names):
                if path is not None:
                    yield module_file(path)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield from bound(file, node, alias.name)
    if file.name == "__init__.py" and any(getattr(node, "name", "") == "__getattr__" for node in tree.body):
        yield from file.parent.rglob("*.py")


def bound(file: Path, node: ast.ImportFrom, name: str) -> list[Path]:
    """The file that defines a ``name`` which ``node`` imports; none where it is not the package's."""
    base = base_of(file, node)
    if base is None:
        return []
    return defined(base, name) if (base / "__init__.py").is_file() else [module_file(base)]


def defined(package: Path, name: str) -> list[Path]:
    """The file that defines ``name`` of a package: as its ``__init__`` binds it, or the part that is called so."""
    init = package / "__init__.py"
    for node in ast.walk(parsed(source_of(init))):
        if isinstance(node, ast.ImportFrom) and base_of(init, node) != package:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return bound(init, node, alias.name)
    parts = (package / f"{name}.py", package / name / "__init__.py")
    return [next((part for part in parts if part.is_file()), init)]


def base_of(file: Path, node: ast.ImportFrom) -> Path | None:
    """The module that names are imported from, as a path without ending."""
    if not node.level:
        return place_of(node.module)
    base = file.parents[node.level - 1]
    return base.joinpath(*node.module.split(".")) if node.module else base


def place_of(module: str) -> Path | None:
    """Where a module called "mtl_lesson.data.world" lies, without ending; None for one that is not the package's."""
    package, *rest = module.split(".")
    return PACKAGE.joinpath(*rest) if package == PACKAGE.name else None


def module_file(path: Path) -> Path:
    init = path / "__init__.py"
    return init if init.is_file() else path.with_name(f"{path.name}.py")


def source_of(file: Path) -> str:
    """The text of a file; empty where there is none."""
    return file.read_text(encoding="utf-8") if file.is_file() else ""


PARSING = threading.Lock()  # Python 3.11 counts the depth of its parser for all threads together, and refuses to go on


@lru_cache(maxsize=512)
def parsed(source: str) -> ast.Module:
    with PARSING:
        return ast.parse(source)


@lru_cache(maxsize=512)
def essence(source: str) -> str:
    """A module without comments, docstrings and layout, the same in every version of Python."""
    return dump_node(parsed(source))


def dump_node(node: object) -> str:
    # Not ast.dump, which writes empty fields in some versions of Python and leaves them out in others.
    if isinstance(node, ast.AST):
        fields = [(name, getattr(node, name, None)) for name in node._fields if name not in ("kind", "type_comment")]
        kept = [f"{name}={dump_node(value)}" for name, value in fields if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(kept)})"
    if isinstance(node, list):
        return f"[{', '.join(dump_node(one) for one in node if not is_text(one))}]"
    return ascii(node)


def is_text(node: object) -> bool:
    """Whether a statement is nothing but a text: a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def data_named(source: str) -> set[str]:
    """The folders of bundled data that a module names in a text, such as "schools/exam.csv" or f"schools/{name}"."""
    folders = {sums.parent.name for sums in data_folder().glob("*/SHA256SUMS")}
    nodes = list(ast.walk(parsed(source)))
    words = {id(node.value) for node in nodes if is_text(node)}
    pieces = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    found = set()
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
            folder, slash, _ = node.value.partition("/")
            if slash and folder in folders and (id(node) in pieces or (data_folder() / node.value).is_file()):
                found.add(folder)
    return found


# --- objects --------------------------------------------------------------------------------------------------------

PLAIN = {type(None), bool, int, float, complex, str, bytes}
NAMED = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
)
WRAPPERS = (
    property,
    classmethod,
    staticmethod,
    functools.cached_property,
    functools._lru_cache_wrapper,
    types.MethodType,
)
#: what stands in a class and does not decide what it does, or is filled in later
NOT_BODY = {
    "__module__",
    "__qualname__",
    "__doc__",
    "__dict__",
    "__weakref__",
    "__firstlineno__",
    "__slotnames__",
    "__static_attributes__",
    "_abc_impl",
    "__annotations__",
    "__annotate__",
    "__annotate_func__",
    "__annotations_cache__",
    "__conditional_annotations__",
}
GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
HEAP = 1 << 9  # the flag of a class that was made while running, not compiled into Python
COURSE, LIBRARY, OWN = "course", "library", "own"  # whose some code is


def describe(value: object) -> str:
    """A digest of ``value``: equal where it is the same in all that can decide a result, in this process and another.

    Of code the bytecode counts, with its constants, defaults, closure and the globals that it names, followed as far as
    they are the learner's own; the course's by a hash of the files, a library's by its version. Of an object its class
    and all its state count. What can only be told by its address gets a digest that never equals another.
    """
    return Description().of(value)


class Description:
    """Digests of values that belong together: what was met before is only named, so cycles end.

    ``shapes``: tensors of which the values do not count. ``unknown``: the kinds of what could not be described.
    """

    def __init__(self, shapes: Iterable[Tensor] = (), met: Mapping[object, tuple[int, object]] | None = None):
        self.shapes = {id(tensor): tensor for tensor in shapes}
        self.met = dict(met or {})  # id → (number, the object itself, so that no other takes its address)
        self.unknown: list[str] = []

    def of(self, value: object) -> str:
        """The digest of a value."""
        if type(value) in PLAIN:
            return f"{type(value).__name__} {value!a}"
        if isinstance(value, np.generic):
            plain = value.item()
            return self.of(plain) if type(plain) in PLAIN else self.joined("number", value.dtype.str, value.tobytes())
        if type(value) is tuple:  # the compiler may or may not make one of two equal ones
            return self.joined("tuple", *map(self.of, value))
        if isinstance(value, set | frozenset):
            own = [] if type(value) in (set, frozenset) else [self.of(type(value)), self.state(value)]
            return self.joined("set", *own, *sorted(map(self.aside, value)))
        if id(value) in self.met:
            return f"met {self.met[id(value)][0]}"
        self.met[id(value)] = len(self.met), value
        return self.kind(value)(value)

    def kind(self, value: object) -> Callable[[object], str]:
        """The method that describes it."""
        for kinds, method in (
            (Tensor, self.tensor),
            (type, self.class_),
            (types.FunctionType, self.function),
            (nn.Module, self.network),
            (types.ModuleType, self.module),
            (types.CodeType, self.code),
            (NAMED, self.named),
            (Enum, self.member),
            (WRAPPERS, self.wrapper),
        ):
            if isinstance(value, kinds):
                return method
        exact = {
            list: self.items,
            dict: self.pairs,
            OrderedDict: self.pairs,
            types.MappingProxyType: self.pairs,
            np.ndarray: self.array,
            types.CellType: self.cell,
            weakref.ref: self.weak,
        }
        return exact.get(type(value), self.instance)

    def joined(self, kind: str, *parts: str | bytes) -> str:
        digest = hashlib.sha256(kind.encode())
        for part in parts:
            part = part if isinstance(part, bytes) else part.encode()
            digest.update(b"%d:" % len(part) + part)
        return digest.hexdigest()

    def aside(self, value: object) -> str:
        """The digest of a member of a set, whatever order they come in."""
        other = Description(self.shapes.values(), self.met)
        found = other.of(value)
        self.unknown += other.unknown
        return found

    def only_itself(self, value: object) -> str:
        self.unknown.append(type(value).__name__)
        return uuid.uuid4().hex

    # --- containers and numbers ---

    def items(self, value: list) -> str:
        return self.joined("list", *map(self.of, value))

    def pairs(self, value: Mapping) -> str:
        return self.joined("dict", *(self.of(part) for pair in value.items() for part in pair))

    def array(self, value: np.ndarray) -> str:
        shape = str(value.shape)
        if value.dtype.hasobject:
            return self.joined("objects", shape, *map(self.of, value.ravel().tolist()))
        return self.joined("array", str(value.dtype.descr), shape, value.tobytes())

    def tensor(self, value: Tensor) -> str:
        facts = [str(value.dtype), str(tuple(value.shape)), str(value.requires_grad), self.of(type(value))]
        facts += [self.of(list((value._backward_hooks or {}).values())), self.state(value)]
        if id(value) not in self.shapes:
            try:
                facts.append(content(value))
            except (RuntimeError, NotImplementedError, TypeError, ValueError):  # one without storage
                facts.append(self.only_itself(value))
        return self.joined("tensor", *facts)

    def member(self, value: Enum) -> str:
        return self.joined("member", self.of(type(value)), self.of(value._name_), self.of(value._value_))

    # --- objects ---

    def state(self, value: object) -> str:
        """What an object keeps in its ``__dict__`` and its slots."""
        kept = dict(getattr(value, "__dict__", {}))
        for name in (name for kind in type(value).__mro__ for name in slots(kind)):
            if hasattr(value, name):
                kept[name] = getattr(value, name)
        return self.joined("state", *(self.of(part) for pair in sorted(kept.items()) for part in pair))

    def instance(self, value: object) -> str:
        """Any other object: how it would be pickled, and what it keeps all the same."""
        kept = self.state(value)  # first, for asking creates an empty __dict__
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            made = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception:  # a lock, a generator, an open file
            return self.only_itself(value)
        kind = self.of(type(value))
        if isinstance(made, str):  # the name of a global
            return self.joined("global", kind, str(getattr(value, "__module__", "")), made)
        function, arguments, *rest = made
        rest = [list(one) if isinstance(one, Iterator) else one for one in rest]  # the items of a list or a mapping
        return self.joined("object", kind, kept, *map(self.of, (function, arguments, rest)))

    def network(self, value: nn.Module) -> str:
        """A module: its parts, parameters and buffers, its hooks in order, and whatever else it holds."""
        kept = dict(vars(value))
        hooks = {
            name: kept.pop(name)
            for name in sorted(kept)
            if name.endswith(("_hooks", "_hooks_with_kwargs", "_hooks_always_called")) and isinstance(kept[name], dict)
        }
        # Their keys count all hooks of the process.
        rank = {key: place for place, key in enumerate(sorted({key for held in hooks.values() for key in held}))}
        parts = [(name, [(rank[key], hook) for key, hook in held.items()]) for name, held in hooks.items() if held]
        return self.joined(
            "network",
            self.of(type(value)),
            self.of(parts),
            *(self.of(part) for pair in sorted(kept.items()) for part in pair),
        )

    def class_(self, value: type) -> str:
        module = value.__module__ if isinstance(value.__module__, str) else type.__module__  # some of C have none
        whose = whose_module(module)
        if whose != OWN and (found(module, value.__qualname__) is value or not value.__flags__ & HEAP):
            if whose == LIBRARY:
                return self.joined(LIBRARY, module, value.__qualname__, version(module))
            put_in = [
                one
                for one in vars(value).values()
                if isinstance(one, types.FunctionType) and whose_globals(one.__globals__) == OWN
            ]
            return self.joined(COURSE, value.__qualname__, course(module), *map(self.of, put_in))
        body = sorted((name, one) for name, one in vars(value).items() if name not in NOT_BODY)
        return self.joined(
            "class",
            value.__qualname__,
            self.of(type(value)),
            self.of(value.__bases__),
            *(self.of(part) for pair in body for part in pair),
        )

    # --- code ---

    def function(self, value: types.FunctionType) -> str:
        module, whose = value.__globals__.get("__name__"), whose_globals(value.__globals__)
        label = ""
        if whose != OWN:
            label = version(module) if whose == LIBRARY else course(module)
            if found(module, value.__qualname__) is value:
                return self.joined(whose, module, value.__qualname__, label)
        # A library may have wrapped what is the learner's own.
        held = (value.__code__, value.__defaults__, value.__kwdefaults__, value.__closure__, value.__dict__)
        parts = [label, *map(self.of, held)]
        if whose == OWN:
            parts += self.taken(value)
        return self.joined("function", *parts)

    def taken(self, value: types.FunctionType) -> Iterator[str]:
        """What the names are that its code takes from its module, and the modules that it imports."""
        names, modules = named_in(value.__code__)
        for name in names:
            if name in value.__globals__:
                yield self.joined("of the module", name, self.of(value.__globals__[name]))
            elif not hasattr(builtins, name):
                yield self.joined("unbound", name)
        for name in modules:
            yield self.module_called(name)
        if modules and value.__globals__.get("__package__"):  # they may be named from there
            yield self.module_called(value.__globals__["__package__"])

    def code(self, value: types.CodeType) -> str:
        """Bytecode, without all that tells where it stands."""
        facts = (
            value.co_name,
            value.co_flags,
            value.co_argcount,
            value.co_posonlyargcount,
            value.co_kwonlyargcount,
            value.co_names,
            value.co_varnames,
            value.co_freevars,
            value.co_cellvars,
        )
        return self.joined("code", value.co_code, value.co_exceptiontable, str(facts), *map(self.of, value.co_consts))

    def wrapper(self, value: object) -> str:
        """What wraps a function: a method bound to an object, a property, a cache."""
        names = ("__func__", "__self__", "fget", "fset", "fdel", "func", "__wrapped__")
        held = [getattr(value, name, None) for name in names]
        return self.joined("wrapper", type(value).__name__, *map(self.of, held))

    def cell(self, value: types.CellType) -> str:
        try:
            return self.joined("cell", self.of(value.cell_contents))
        except ValueError:
            return "empty cell"

    def weak(self, value: weakref.ref) -> str:
        return self.joined("weak", self.of(value()))

    def named(self, value: object) -> str:
        """A function written in C: by its name, and by what it is bound to."""
        owner = getattr(value, "__self__", getattr(value, "__objclass__", None))
        module = getattr(value, "__module__", None) or ""
        return self.joined("named", module, value.__name__, version(module), self.of(owner))

    def module(self, value: types.ModuleType) -> str:
        if whose_module(value.__name__) == OWN and file_of(value.__name__) is None:
            return self.joined(
                "module",
                *(
                    self.of(part)
                    for name, one in sorted(vars(value).items())
                    if not name.startswith("__")
                    for part in (name, one)
                ),
            )
        return self.module_called(value.__name__)

    def module_called(self, name: str) -> str:
        """A module by its name: a library's by its version, the course's and the learner's by what their files say."""
        whose = whose_module(name)
        if whose == LIBRARY:
            return self.joined(LIBRARY, name, version(name))
        if whose == COURSE:
            return self.joined(COURSE, name, course(name))
        if name in self.met:
            return f"met {self.met[name][0]}"
        self.met[name] = len(self.met), None
        parts = []
        for package, file in files_of(name):
            names = sorted(modules_named(source_of(file), package))
            parts += [package, file.name, essence(source_of(file)), *map(self.module_called, names)]
        return self.joined("module", name, *parts)


def content(value: Tensor) -> bytes:
    """The bytes of a tensor of any kind, wherever it lies and however it is laid out."""
    value = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return value.view(torch.uint8).numpy().tobytes() if value.numel() else b""


def slots(kind: type) -> tuple[str, ...]:
    names = vars(kind).get("__slots__", ())
    names = (names,) if isinstance(names, str) else tuple(names)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


@lru_cache(maxsize=1024)
def named_in(code: types.CodeType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The globals that some code and the functions in it name, and the modules that they import."""
    names, modules = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in GLOBAL:
            names.add(step.argval)
        elif step.opname == "IMPORT_NAME":
            modules.add(step.argval)
    for inner in (one for one in code.co_consts if isinstance(one, types.CodeType)):
        more = named_in(inner)
        names |= set(more[0])
        modules |= set(more[1])
    return tuple(sorted(names)), tuple(sorted(modules))


def modules_named(source: str, package: str) -> set[str]:
    """The modules that a learner's module imports, by their whole names."""
    names = set()
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            base = ".".join(filter(None, (base, node.module)))
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names if file_of(f"{base}.{alias.name}")}
    return names


# --- whose code is it ---


def whose_globals(namespace: Mapping[str, object]) -> str:
    """Whose the functions are that have these globals."""
    name = namespace.get("__name__")
    module = sys.modules.get(name) if isinstance(name, str) else None
    # What a cell or exec has compiled may bear the name of a module, and is not it.
    return whose_module(name) if module is not None and vars(module) is namespace else OWN


def whose_module(name: str | None) -> str:
    if not name or name == "__main__":
        return OWN
    if name.split(".")[0] == __name__.split(".")[0]:
        return COURSE
    file = file_of(name)
    if file is None:
        parent = name.rpartition(".")[0]
        return LIBRARY if name in sys.stdlib_module_names else whose_module(parent) if parent else OWN
    return LIBRARY if is_library(file) else OWN


def file_of(name: str) -> str | None:
    """The file of a module, or the folder of one that is only a folder; None for one that has none or is not found."""
    module = sys.modules.get(name)
    try:
        spec = getattr(module, "__spec__", None) or (None if module else importlib.util.find_spec(name))
    except (ImportError, ValueError, AttributeError):
        spec = None
    folders = list(spec.submodule_search_locations or []) if spec else []
    file = getattr(module, "__file__", None) or (spec.origin if spec and spec.has_location else None)
    return file or next(iter(folders), None)


def files_of(name: str) -> list[tuple[str, Path]]:
    """The files of a learner's module, of a package all, each with the package that it is in."""
    file = file_of(name)
    if file is None:
        return []
    file = Path(file)
    folder = file.parent if file.name == "__init__.py" else file
    if not folder.is_dir():
        return [(name.rpartition(".")[0], file)]
    return [(".".join((name, *path.relative_to(folder).parent.parts)), path) for path in sorted(folder.rglob("*.py"))]


@cache
def is_library(file: str) -> bool:
    """Whether a file belongs to Python or to an installed package."""
    path = Path(file).resolve()
    standard = [Path(sysconfig.get_paths()[name]).resolve() for name in ("stdlib", "platstdlib")]
    return {"site-packages", "dist-packages"} & {*path.parts} != set() or any(map(path.is_relative_to, standard))


@cache
def version(module: str) -> str:
    """The version of the library a module belongs to; empty for Python's own."""
    top = module.split(".")[0]
    if not top or top in sys.stdlib_module_names:
        return ""
    try:
        return metadata.version(top)
    except metadata.PackageNotFoundError:
        return ", ".join(map(metadata.version, sorted(metadata.packages_distributions().get(top, []))))


@cache
def course(module: str) -> str:
    """The stamp of a module of the package as it was when this process first asked: what is loaded does not change."""
    return stamp(["/".join(module.split(".")[1:])])


def found(module: str | None, qualified: str) -> object:
    """What a module calls by a name; None where it has none such."""
    value = sys.modules.get(module)
    for part in qualified.split("."):
        value = getattr(value, part, None) if value is not None else None
    return value
