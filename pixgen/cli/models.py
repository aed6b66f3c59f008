"""`pixgen models`: which checkpoints there are, and what to do with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pixgen.cli.console import say
from pixgen.cli.download_progress import Transfers
from pixgen.errors import UsageError

if TYPE_CHECKING:
    from pixgen.models.entry import Entry

F = TypeVar("F", bound=Callable[..., Any])


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def models() -> None:
    """The checkpoints that pixgen knows: list them, fetch them, use them, bring your own.

    A model is named as `pixgen models list` names it, by an alias (ViT-B/32), or as open_clip does, NAME/PRETRAINED.
    """


def command(function: F) -> click.Command:
    """A subcommand of the function's name, with the flag that every command has."""
    debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
    return models.command(function.__name__.rstrip("_"))(debug(function))


as_json = click.option("--json", "as_json", is_flag=True, help="JSON records on standard output.")


@command
@click.option("--here", is_flag=True, help="Only those that are here.")
@as_json
def list_(here: bool, as_json: bool) -> None:
    """One line a model: its name, kind, size, whether it is here, and what it is good for. Then the bundles."""
    from pixgen.models import cache, zoo
    from pixgen.settings import profiles

    for entry in zoo.entries():
        state = cache.state(entry)
        if here and state != "here":
            continue
        if as_json:
            record = {
                "name": entry.name,
                "kind": entry.kind,
                "bytes": entry.bytes,
                "state": state,
                "about": entry.about,
            }
            click.echo(json.dumps({**record, "aliases": entry.aliases}))
        else:
            size = cache.size(entry.bytes) if entry.bytes else "?"
            click.echo(f"{entry.name:<40} {entry.kind:<6} {size:>7}  {state:<12} {entry.about}")
    if not here and not as_json:
        for name, bundle in profiles.bundles().items():
            tiers = ", ".join(key for key in bundle if key.isdecimal())
            click.echo(f"{name:<40} bundle          for {tiers} GB: {bundle['about']}")


@command
@click.argument("name")
@as_json
def show(name: str, as_json: bool) -> None:
    """All that is known of a model: architecture, sources, hashes, licence, the settings that suit it."""
    import yaml

    from pixgen.models import cache, zoo
    from pixgen.models.entry import to_dict

    entry = zoo.get(name)
    about = {**to_dict(entry), "state": cache.state(entry), "folder": str(cache.folder() / entry.name)}
    for file, record in zip(entry.files, about["files"]):
        record["sha256_of_first_download"] = cache.trusted(entry, file)
    click.echo(json.dumps(about) if as_json else yaml.safe_dump(about, sort_keys=False, allow_unicode=True).rstrip())


@command
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--memory", metavar="GB", type=float, help="The GPU memory that a bundle is for.  [default: what is here]"
)
@click.option("--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def pull(names: tuple[str, ...], memory: float | None, quiet: bool) -> None:
    """Fetch models, and print where they lie. A bundle's models become the default ones.

    A download that was cut off goes on where it was. What is here already is checked and left alone.
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
                click.echo(path)
        if tier:
            profiles.choose(tier[1]["generator"], tier[1]["perceptors"], tier[1].get("settings"))
            say(f"{name} for {tier[0]} GB is the default now: {', '.join(chosen)}")


@command
@click.argument("names", nargs=-1, metavar="[NAME]...")
def verify(names: tuple[str, ...]) -> int:
    """Read every byte of the models that are here (or of those named) and hold it against its hash.

    Exit code 1 if one is wrong.
    """
    from pixgen.models import cache, zoo

    if zoo.EMBEDDED in names:
        raise UsageError(f"{zoo.EMBEDDED} came with pixgen and not from elsewhere; `pixgen doctor` checks its files")
    entries = [zoo.get(name) for name in names] or zoo.entries()
    bad = 0
    if not names and all(cache.state(entry) == "not here" for entry in entries):
        say(f"no model is in {cache.folder()} yet; `pixgen models pull NAME` fetches one")
    for entry in entries:
        if names and cache.state(entry) != "here":
            raise UsageError(cache.missing(entry))
        for file, (path, wrong) in zip(entry.files, cache.verify(entry), strict=False):
            bad += wrong is not None
            known = (
                "as published" if file.sha256 else "as first downloaded" if cache.trusted(entry, file) else "no hash"
            )
            click.echo(f"{path}: {wrong or f'right, {known}'}")
    if bad:
        say(f"{bad} wrong; `pixgen models pull NAME` replaces them")
    return 1 if bad else 0


@command
@click.argument("name")
def path(name: str) -> None:
    """Print where the weights of a model lie."""
    from pixgen.models import cache, zoo

    click.echo(cache.weights(zoo.get(name)))


@command
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def use(names: tuple[str, ...]) -> None:
    """Make models the default: a VQGAN to draw with, one or several CLIPs to judge by, or pixgen-tiny for its own pair.

    Each is drawn with under the settings that suit it. Presets, flags and your settings still win.
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
    say(f"{', '.join(names)} from now on ({written})")


@command
@click.argument("name")
@click.option("--forget", is_flag=True, help="Also forget the hash of the first download.")
def rm(name: str, forget: bool) -> None:
    """Delete a model's files and unfinished downloads; of one that you added also the entry, never your own file."""
    from pixgen.models import cache, zoo

    entry = zoo.get(name)
    freed = cache.remove(entry)
    if forget:
        cache.forget(entry)
    own = zoo.user_folder() / f"{entry.name}.yaml"
    if own.is_file():
        own.unlink()
        say(f"{entry.name} is forgotten")
    say(f"{cache.size(freed)} freed" if freed else f"nothing of {entry.name} was in {cache.folder()}")


@command
@click.argument("name")
@click.argument("source", metavar="PATH|ADDRESS")
@click.option("--config", type=click.Path(path_type=Path), help="Of a VQGAN: the YAML file that it was trained with.")
@click.option(
    "--architecture", metavar="NAME", help="Of a CLIP: open_clip's name (ViT-B-32-quickgelu, convnext_base_w)."
)
@click.option("--sha256", metavar="HEX", help="What an address must give.")
@click.option("--about", default="added by you", help="What it is good for.")
def add(name: str, source: str, config: Path | None, architecture: str | None, sha256: str | None, about: str) -> None:
    """Give a checkpoint of your own a name: a file that you have, or an address that `pull` fetches."""
    from pixgen.models import user_models

    entry = user_models.describe(name, source, config, architecture, sha256, about)
    click.echo(user_models.write(entry))


@command
@click.argument("source", metavar="FILE.ckpt", type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The YAML file that a VQGAN was trained with.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="[default: FILE.safetensors]")
@click.option("--overwrite", is_flag=True, help="Write over a file of that name.")
def convert(source: Path, config: Path | None, output: Path | None, overwrite: bool) -> None:
    """Write a checkpoint's weights as safetensors, which cannot run code and says itself how a VQGAN is built."""
    from pixgen.models import user_models

    target = output or source.with_suffix(".safetensors")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} is there already; choose another place with -o, or --overwrite")
    click.echo(user_models.convert(source, config, target))


def _entry(name: str) -> Entry:
    from pixgen.models import zoo
    from pixgen.settings import profiles

    if name == zoo.EMBEDDED:
        raise UsageError(f"{name} comes with pixgen: there is nothing to pull")
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
