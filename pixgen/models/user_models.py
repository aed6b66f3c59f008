"""User-provided checkpoints: added to the zoo, and converted to files that cannot run code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
import yaml

from pixgen.errors import PixgenError, UsageError, shown
from pixgen.io import files, paths, shell, untrusted
from pixgen.models import clips, vqgans, weights, zoo
from pixgen.models.entry import Entry, File, is_address, to_dict


def describe(
    name: str, source: str, config: Path | None, architecture: str | None, sha256: str | None, about: str
) -> Entry:
    """An entry for a file or an address (`entry.is_address`).

    Raises UsageError for a name that is taken or odd, an address of another kind (`file://` too: a file of this machine
    is named by its path), or for what is missing.
    """
    if not zoo.NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a valid name for a model; use letters, digits, '.', '_' and '-'")
    untrusted.name(name, "the model's name")
    taken = zoo.find(name)
    if taken is not None or name == zoo.EMBEDDED:
        raise UsageError(
            f"there is a model {name!r} already; choose another name, or `{shell.command('models rm', [name])}`"
        )
    _require_address_or_path(source)
    built: dict[str, Any]
    if architecture is not None:
        clips.require(architecture)
        # Where the weights want it, open_clip's own name says so: ViT-B-32-quickgelu.
        built = {"name": architecture, "pretrained": name, "quick_gelu": False}
    elif config is not None:
        built = vqgans.from_config(config)
    else:
        built = (None if is_address(source) else vqgans.described(paths.home(source))) or {}
        if not built:
            raise UsageError(
                f"{source} does not say how it is built: add --config FILE.yaml for a VQGAN, --architecture NAME for a "
                "CLIP"
            )
    kind: Any = "clip" if architecture is not None else "vqgan"
    if is_address(source):
        last = re.split(r"[?#]", source.rpartition("/")[2])[0]
        file = File(name="weights" if untrusted.problem(last) else last, sources=[source], sha256=sha256)
        return Entry(name, kind, about, built, [file])
    path = paths.home(source).resolve()
    weights.sniff(path)
    return Entry(name, kind, about, built, [], path=str(path))


def write(entry: Entry) -> Path:
    """Put an entry among the user's own; gives its file. Raises UsageError where there is a file of that name."""
    kept = {key: value for key, value in to_dict(entry).items() if key != "name" and value not in (None, "", {})}
    text = f"# Added by `pixgen models add`.\n{yaml.safe_dump(kept, sort_keys=False)}"
    path = zoo.user_folder() / f"{entry.name}.yaml"
    if path.exists():
        raise UsageError(
            f"{path} exists, and is not a model that pixgen can read; move it away, or choose another name"
        )
    return files.write(path, text.encode(), overwrite=True)


def convert(source: Path, config: Path | None, target: Path) -> Path:
    """Write the weights of a checkpoint as safetensors, as precise as they are; a VQGAN's with its architecture.

    A VQGAN is loaded once to see that it fits, before its file gets its name. Raises UsageError for a VQGAN without a
    config or a config for what is no VQGAN, PixgenError for a file that is damaged, does not fit, or holds code.
    """
    tensors, _ = weights.read(source)
    if not any(key.endswith(vqgans.LANDMARK) for key in tensors):
        if config is not None:
            vqgans.from_config(config)  # its own mistakes come first
            raise UsageError(f"--config {config} is for a VQGAN, and {source} is none: it has no {vqgans.LANDMARK}")
        return weights.write(tensors, target)
    tensors, architecture = vqgans.read(source, config)

    def require_loads(path: Path) -> None:
        from pixgen import registry

        try:
            registry.create("generator", {"type": "vqgan", "model": str(path)}).prepare(torch.device("cpu"))
        except PixgenError as error:
            # What the user knows is the file that it was made of.
            said = str(error).replace(str(path), str(source)).replace("its architecture", str(config or source))
            raise PixgenError(said) from error

    return vqgans.write(tensors, architecture, target, check=require_loads)


def _require_address_or_path(source: str) -> None:
    scheme, colon, rest = source.partition(":")
    if is_address(source) or not colon or not (rest.startswith("//") or scheme.lower() in ("hub", "file")):
        return
    way_out = "downloads come from https://..., http://... and hub:OWNER/REPO/PATH"
    if scheme.lower() == "file":
        way_out = f"a file of this machine is named by its path, /{rest.lstrip('/')}"
    raise UsageError(f"{shown(source)} is not an address that pixgen downloads from; {way_out}")
