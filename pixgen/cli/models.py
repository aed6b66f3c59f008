"""`pixgen models`: the checkpoints that pixgen knows, and the default ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pixgen.cli import options
from pixgen.cli.console import result, result_json, result_lines, say
from pixgen.cli.download_progress import Transfers
from pixgen.errors import UsageError

if TYPE_CHECKING:
    from pixgen.models.entry import Entry

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def models() -> None:
    """List, download, verify and convert checkpoints, add your own, and choose the default ones.

    A model has the name that `pixgen models list` prints, an alias (ViT-B/32), or open_clip's NAME/PRETRAINED.
    """


def command(function: F) -> click.Command:
    """A subcommand with the name of the function, and --debug."""
    return models.command(function.__name__.rstrip("_"))(options.debug(function))


vqgan_config = click.option(
    "--config", type=options.CheckedPath(path_type=Path), help="YAML file that the VQGAN was trained with."
)


@command
@click.option("--here", is_flag=True, help="Only the downloaded ones.")
@options.as_json
def list_(here: bool, as_json: bool) -> None:
    """List each model's name, kind, size, state and description, then the bundles."""
    from pixgen.models import cache, zoo
    from pixgen.settings import profiles

    for entry in zoo.entries():
        state = cache.state(entry)
        if here and state != "here":
            continue
        if as_json:
            values = {
                "name": entry.name,
                "kind": entry.kind,
                "bytes": entry.bytes,
                "state": state,
                "about": entry.about,
            }
            result_json({**values, "aliases": entry.aliases})
        else:
            size = cache.size(entry.bytes) if entry.bytes else "?"
            result(f"{entry.name:<40} {entry.kind:<6} {size:>7}  {state:<12} {entry.about}")
    if not here and not as_json:
        for name, bundle in profiles.bundles().items():
            tiers = ", ".join(key for key in bundle if key.isdecimal())
            result(f"{name:<40} bundle          for {tiers} GB: {bundle['about']}")


@command
@click.argument("name")
@options.as_json
def show(name: str, as_json: bool) -> None:
    """Show a model's architecture, sources, hashes, licence and settings."""
    import yaml

    from pixgen.models import cache, zoo
    from pixgen.models.entry import to_dict

    entry = zoo.get(name)
    about = {**to_dict(entry), "state": cache.state(entry), "folder": str(cache.folder() / entry.name)}
    for file, record in zip(entry.files, about["files"]):
        record["sha256_of_first_download"] = cache.trusted(entry, file)
    result_json(about) if as_json else result_lines(yaml.safe_dump(about, sort_keys=False, allow_unicode=True))


@command
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--memory",
    metavar="GB",
    type=options.Number(),
    show_default="this machine's",
    help="GPU memory to choose a bundle for.",
)
@options.quiet
def pull(names: tuple[str, ...], memory: float | None, quiet: bool) -> None:
    """Download models and print their paths. A bundle's models become the default ones.

    An interrupted download is resumed. Files that are complete are verified and kept.
    """
    from pixgen.models import cache
    from pixgen.models.pull import pull as fetch
    from pixgen.settings import profiles

    for name in names:
        tier = profiles.bundle(name, _memory(memory)) if name in profiles.bundles() else None
        chosen = [tier[1]["generator"], *tier[1]["perceptors"]] if tier else [name]
        for model in chosen:
            entry = _entry(model)
            if cache.state(entry) != "here" and not quiet:
                say(
                    f"{entry.name}: {cache.size(entry.bytes)} to {cache.folder() / entry.name}, licence {entry.licence}"
                )
            with Transfers(quiet) as transfers:
                paths = fetch(entry, transfers.watch())
            for path in paths:
                result(path)
        if tier:
            profiles.choose(tier[1]["generator"], tier[1]["perceptors"], tier[1].get("settings"))
            say(f"{name} for {tier[0]} GB is the default now: {', '.join(chosen)}")


@command
@click.argument("names", nargs=-1, metavar="[NAME]...")
def verify(names: tuple[str, ...]) -> int:
    """Compare the hashes of all downloaded models, or of NAME..., with the expected ones.

    Exit code 1 where one differs.
    """
    from pixgen.models import cache, zoo

    if zoo.EMBEDDED in names:
        raise UsageError(f"{zoo.EMBEDDED} comes with pixgen and is not downloaded; `pixgen doctor` checks its files")
    entries = [zoo.get(name) for name in names] or zoo.entries()
    bad = 0
    if not names and all(cache.state(entry) == "not here" for entry in entries):
        say(f"no model is in {cache.folder()} yet; `pixgen models pull NAME` downloads one")
    for entry in entries:
        if names and cache.state(entry) != "here":
            raise UsageError(cache.missing(entry))
        for file, (path, wrong) in zip(entry.files, cache.verify(entry), strict=False):
            bad += wrong is not None
            known = (
                "as published" if file.sha256 else "as first downloaded" if cache.trusted(entry, file) else "no hash"
            )
            result(f"{path}: {wrong or f'correct, {known}'}")
    if bad:
        say(f"{bad} corrupt; `pixgen models pull NAME` downloads them again")
    return 1 if bad else 0


@command
@click.argument("name")
def path(name: str) -> None:
    """Print the path of a model's weights."""
    from pixgen.models import cache, zoo

    result(cache.weights(zoo.get(name)))


@command
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def use(names: tuple[str, ...]) -> None:
    """Make models the default: a VQGAN, one or several CLIPs, or pixgen-tiny for the pair that comes with pixgen.

    The settings that suit them become the defaults as well; your own settings, presets and flags still win.
    """
    from pixgen.models import cache, zoo
    from pixgen.settings import profiles

    if names == (zoo.EMBEDDED,):
        profiles.reset()
        say("the pair that comes with pixgen is the default again")
        return
    entries = [_entry(name) for name in names]
    vqgans = [entry.name for entry in entries if entry.kind == "vqgan"]
    clips = [name for name, entry in zip(names, entries) if entry.kind == "clip"]
    if len(vqgans) > 1:
        raise UsageError(f"only one VQGAN can draw: choose {' or '.join(vqgans)}")
    for entry in entries:
        if cache.state(entry) != "here":
            raise UsageError(cache.missing(entry))
    written = profiles.choose(vqgans[0] if vqgans else None, clips or None)
    say(f"default: {', '.join(names)} ({written})")


@command
@click.argument("name")
@click.option("--forget", is_flag=True, help="Also forget the hash of the first download.")
def rm(name: str, forget: bool) -> None:
    """Delete a model's downloads, and the entry of a model that you added; your own file is kept."""
    from pixgen.models import cache, zoo

    entry = zoo.get(name)
    freed = cache.remove(entry)
    if forget:
        cache.forget(entry)
    own = zoo.user_folder() / f"{entry.name}.yaml"
    if own.is_file():
        own.unlink()
        say(f"removed the entry {entry.name}")
    say(f"{cache.size(freed)} freed" if freed else f"nothing of {entry.name} was in {cache.folder()}")


@command
@click.argument("name")
@click.argument("source", metavar="PATH|ADDRESS")
@vqgan_config
@click.option(
    "--architecture", metavar="NAME", help="open_clip's name of the CLIP (ViT-B-32-quickgelu, convnext_base_w)."
)
@click.option("--sha256", metavar="HEX", help="Expected hash of the download.")
@click.option("--about", default="added by you", show_default=True, help="Description.")
def add(name: str, source: str, config: Path | None, architecture: str | None, sha256: str | None, about: str) -> None:
    """Add your own checkpoint under NAME: a file, or an address to download from."""
    from pixgen.models import user_models

    entry = user_models.describe(name, source, config, architecture, sha256, about)
    result(user_models.write(entry))


@command
@click.argument("source", metavar="FILE.ckpt", type=options.CheckedPath(path_type=Path))
@vqgan_config
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    type=options.CheckedPath(path_type=Path),
    show_default="FILE.safetensors",
    help="Output file.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def convert(source: Path, config: Path | None, output: Path | None, overwrite: bool) -> None:
    """Convert a checkpoint to safetensors, which cannot run code; a VQGAN's file holds its architecture as well."""
    from pixgen.models import user_models

    target = output or source.with_suffix(".safetensors")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists; choose another file with -o, or --overwrite")
    result(user_models.convert(source, config, target))


def _entry(name: str) -> Entry:
    from pixgen.models import zoo
    from pixgen.settings import profiles

    if name == zoo.EMBEDDED:
        raise UsageError(f"{name} comes with pixgen; there is nothing to download")
    try:
        return zoo.get(name)
    except UsageError:
        profiles.require_bundle_or_model(name)
        raise


def _memory(said: float | None) -> float:
    """Gigabytes of the GPU, 0 where there is none."""
    if said is not None:
        return said
    import torch

    if not torch.cuda.is_available():
        return 0.0
    return float(torch.cuda.get_device_properties(0).total_memory) / 2**30
