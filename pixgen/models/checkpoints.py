"""Reads what `torch.save` wrote, zip files and the pickles of before torch 1.6, and finds the weights in it."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from pixgen.errors import PixgenError
from pixgen.models import archives, limits, pickles, tensor_records
from pixgen.models.pickles import Inert, Make
from pixgen.models.tensor_records import StorageRecord, TensorRecord

INERT = frozenset(
    (
        # ComfyUI-Flowty-LDSR #8, champ #144: lightning keys the state of a callback by its class
        "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
        "pytorch_lightning.utilities.parsing.AttributeDict",
        "lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint",
        "lightning_fabric.utilities.data.AttributeDict",
        # open-retina #186: hyper-parameters that were given as OmegaConf's lists and mappings
        "omegaconf.listconfig.ListConfig",
        "omegaconf.dictconfig.DictConfig",
        "omegaconf.base.ContainerMetadata",
        "omegaconf.base.Metadata",
        "omegaconf.nodes.AnyNode",
        "typing.Any",
        *(f"builtins.{name}" for name in ("dict", "list", "tuple", "int", "float", "str", "bool", "set", "bytearray")),
        *("builtins.long", "builtins.unicode"),  # as protocol 2 still calls them
        "_codecs.encode",
        "collections.Counter",
        # the best score so far, which lightning keeps as a number of NumPy's, and the states of random generators
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct",
        "numpy.ndarray",
        "numpy.dtype",
        "argparse.Namespace",
        "pathlib.PosixPath",
        "pathlib.WindowsPath",
    )
)
"""Names that real checkpoints hold beside their tensors. Each is read as an empty object: its class is not imported."""

STATES = (
    *("ema", "params_ema", "state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "g_ema"),
    *("model", "state_dict", "model_state_dict", "params", "generator", "net", "network", "module", "weights"),
)
"""Where checkpoints keep their weights, the wanted ones first: averages are better than what they are averages of."""

ASIDE = (
    "optim",
    "opt_",
    "scheduler",
    "lr_",
    "scaler",
    "callbacks",
    "loops",
    "rng",
    "hyper",
    "disc",
    "loss",
    "d_",
    "amp",
)
"""How the keys begin of what is not the network: what training keeps of its optimizers, and discriminators."""

WRAPPERS = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
"""What torch.compile and FSDP put into the names of weights, at any depth."""

WRAPPED = "module."
"""What DistributedDataParallel puts before every name."""

Place = tuple[str, ...]
"""The keys under which something lies in a checkpoint."""

Value = TypeVar("Value")

DEEP = 4
"""Keys in keys at most under which weights are looked for."""

_KINDS = ("torch._utils.", "torch.Tensor ")
"""How the names begin of tensors that are not read."""

_MAGIC = 0x1950A86A20F9469CFC6C


def read_archive(archive: archives.Archive, pickled: str) -> dict[str, Tensor]:
    """The weights of a zip file of torch's. Raises what `archives` and `pickles` raise, and PixgenError as `find`."""
    root = pickled.removesuffix("data.pkl")
    order = f"{root}byteorder"
    if order in archive.entries and archive.content(order, 16) != b"little":
        raise PixgenError(f"{archive.path} was saved on a machine with another byte order; get it as .safetensors")
    stream = io.BytesIO(archive.content(pickled, limits.MAX_PICKLE))
    records = find(pickles.Reader(_known, tensor_records.storage).read(stream), archive.path)
    return tensor_records.read(records, lambda each: archive.numbers(f"{root}data/{each.key}"), archive.path)


def read_legacy(path: Path) -> dict[str, Tensor]:
    """The weights of a file that torch wrote before 1.6: pickles, and behind them the numbers.

    Raises what `pickles` raises, and PixgenError as `find`.
    """
    with open(path, "rb") as file:
        stream = io.BytesIO(file.read(limits.MAX_PICKLE))
        seen: dict[str, StorageRecord] = {}

        def storage(persistent_id: Any) -> StorageRecord:
            found = tensor_records.storage(persistent_id)
            view = persistent_id[5] if len(persistent_id) > 5 else None
            if view is not None:
                raise ValueError("it holds storages in storages, as torch wrote them before 0.4")
            return seen.setdefault(found.key, found)

        reader = pickles.Reader(_known, storage)
        if reader.read(stream) != _MAGIC:
            raise pickles.Damaged("it is a pickle, but not one of torch's")
        reader.read(stream), reader.read(stream)  # the protocol, and the machine that wrote it
        held = reader.read(stream)
        keys = reader.read(stream)
        places = _places(file, stream.tell(), keys, seen, path)

        def numbers(record: StorageRecord) -> Tensor:
            whole = torch.empty(record.count * record.dtype.itemsize, dtype=torch.uint8)
            file.seek(places[record.key])
            file.readinto(whole.numpy().data)
            return whole

        return tensor_records.read(find(held, path), numbers, path)


def _places(file: Any, start: int, keys: Any, seen: Mapping[str, StorageRecord], path: Path) -> dict[str, int]:
    """Where the numbers of each storage begin: they lie in the order of `keys`, each behind its count."""
    places, place, size = {}, start, path.stat().st_size
    for key in keys if isinstance(keys, list) else []:
        if not isinstance(key, str) or key not in seen:
            raise pickles.Damaged("it lists numbers of which its pickle says nothing")
        file.seek(place)
        if int.from_bytes(file.read(8), "little") != seen[key].count:
            raise pickles.Damaged("it ends too early, or its numbers are not where they should be")
        places[key] = place + 8
        place += 8 + seen[key].count * seen[key].dtype.itemsize
    if place > size or not seen.keys() <= places.keys():
        raise pickles.Damaged("it ends too early")
    return places


def _known(name: str) -> Make | None:
    if name in INERT:
        return lambda _: Inert(name)
    if name == "collections.OrderedDict":
        return _ordered
    if name == "collections.defaultdict":
        return lambda _: {}
    return tensor_records.known(name)


def _ordered(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    pairs = arguments[0] if arguments and isinstance(arguments[0], list) else []  # of Python 2
    return {pair[0]: pair[1] for pair in pairs if isinstance(pair, list | tuple) and isinstance(pair[0], str)}


def find(held: Any, path: Path) -> dict[str, TensorRecord]:
    """The weights in what a checkpoint holds, without what wrappers put into their names.

    Raises PixgenError, naming what is there and the way out, where there are none or several.
    """
    records = {}
    for name, value in _chosen(held, path).items():
        shown = str(name)[: limits.MAX_NAME]
        if _is_odd(value):
            raise PixgenError(
                f"{path}: {shown} is not a plain tensor ({value.name}); save it with .to_dense(), .dequantize() or "
                ".clone()"
            )
        if isinstance(value, TensorRecord):
            records[shown] = value
    return unwrapped(records)


def unwrapped(tensors: dict[str, Value]) -> dict[str, Value]:
    """Names without what torch.compile, FSDP and DDP put into them; as they are where two would become one."""
    found = {_without_wrappers(name): value for name, value in tensors.items()}
    while found and all(name.startswith(WRAPPED) for name in found):
        found = {name.removeprefix(WRAPPED): value for name, value in found.items()}
    return found if len(found) == len(tensors) else tensors


def without_prefix(tensors: Mapping[str, Value], landmark: str, path: Path) -> dict[str, Value]:
    """The weights of one network, of names that end in `landmark`, the name of one weight that it must have.

    A network that is a part of another has a prefix before its names; what has another prefix is left out. Of several,
    that of taming's first stage counts, then an average. As they are where no name ends so. Raises PixgenError where
    several prefixes are possible.
    """
    prefixes = [name.removesuffix(landmark) for name in tensors if name.endswith(landmark)]
    prefixes = [prefix for prefix in prefixes if not prefix or prefix.endswith(".")]
    if "" in prefixes or not prefixes:
        return dict(tensors)
    stages = [prefix for prefix in prefixes if prefix.endswith("first_stage_model.")]
    averages = [prefix for prefix in prefixes if "ema" in prefix.lower()]
    better = next((some for some in (stages, averages) if len(some) == 1), prefixes)
    if len(better) != 1:
        raise PixgenError(
            f"{path} holds several networks, {', '.join(prefix[:80] for prefix in prefixes[:6])}; save the weights of "
            "one of them by themselves"
        )
    return {name.removeprefix(better[0]): value for name, value in tensors.items() if name.startswith(better[0])}


def _without_wrappers(name: str) -> str:
    for wrapper in WRAPPERS:
        name = name.replace(wrapper, "")
    return name


def _chosen(held: Any, path: Path) -> Mapping[Any, Any]:
    """The mapping of weights in a checkpoint."""
    every = dict(_mappings(held, _is_weight)) or dict(_mappings(held, _is_tensor))
    if known := next(iter(sorted(filter(_is_preferred, every), key=_rank)), None):
        return every[known]
    if () in every:
        return every[()]
    beside = {place: mapping for place, mapping in every.items() if not _is_aside(place)}
    if len(beside) == 1:
        return next(iter(beside.values()))
    parts = {place[0]: mapping for place, mapping in beside.items() if len(place) == 1}
    if {"encoder", "decoder"} <= parts.keys():  # every part of the network by itself
        named = {part: mapping for part, mapping in parts.items() if len(part) < 80}
        return {f"{part}.{name}": value for part, mapping in named.items() for name, value in mapping.items()}
    if beside:
        places = ", ".join(_subscript(place) for place in list(beside)[:6])
        raise PixgenError(
            f"{path} holds several sets of weights, {places}; save the one that you want by itself: "
            f"torch.save(torch.load({path.name!r}){_subscript(next(iter(beside)))}, 'weights.pt')"
        )
    raise PixgenError(f"{path} holds no weights; it holds {_contents(held)}")


def _is_preferred(place: Place) -> bool:
    return bool(place) and all(key in STATES for key in place)


def _rank(place: Place) -> list[int]:
    return [STATES.index(key) for key in place]


def _is_aside(place: Place) -> bool:
    return any(key.lower().startswith(ASIDE) for key in place)


def _subscript(place: Place) -> str:
    return "".join(f"[{key[:80]!r}]" for key in place)


def _mappings(held: Any, counts: Callable[[Any], bool]) -> Iterator[tuple[Place, Mapping[Any, Any]]]:
    """Every mapping that holds something that counts, with its place; each once, however many hold it."""
    waiting: deque[tuple[Place, Any]] = deque([((), held)])
    seen: set[int] = set()
    while waiting:
        place, value = waiting.popleft()
        if not isinstance(value, dict) or id(value) in seen:
            continue
        seen.add(id(value))
        if any(map(counts, value.values())):
            yield place, value
        if len(place) < DEEP:
            waiting.extend(((*place, key), item) for key, item in value.items() if isinstance(key, str))


def _is_weight(value: Any) -> bool:
    """Whether this is a tensor; a single number is more often a count of steps."""
    return bool(value.size) if isinstance(value, TensorRecord) else _is_odd(value)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, TensorRecord)


def _is_odd(value: Any) -> bool:
    return isinstance(value, Inert) and value.name.startswith(_KINDS)


def _contents(held: Any) -> str:
    """What a checkpoint holds, in a few words."""
    if isinstance(held, Mapping):
        return ", ".join(str(key)[:80] for key in list(held)[:6]) or "nothing"
    return held.name if isinstance(held, Inert) else type(held).__name__
