"""Pulls a checkpoint into the cache: tries its sources in order, resumes, checks, and then gives it its name."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pixgen.errors import PixgenError, UsageError, reason
from pixgen.io import files, resources, shell
from pixgen.models import archives, cache, partial, weights
from pixgen.models.download import DownloadFailed, Patience, Report, fetch
from pixgen.models.entry import Entry, File
from pixgen.models.partial import Part

MARGIN = 50_000_000
"""Bytes that a download leaves free on the disk."""


@dataclass(frozen=True)
class Watch:
    """How a download is watched. source: called with the file and the address that is tried. report: the bytes so far.

    failed: called with an address and why it did not give the file.
    """

    source: Callable[[File, str], None] = lambda file, url: None
    report: Report = lambda done, total: None
    failed: Callable[[str, str], None] = lambda url, reason: None


def pull(entry: Entry, watch: Watch | None = None, patience: Patience | None = None) -> list[Path]:
    """Fetch what is not here of an entry's files, and check it all; gives the paths.

    A file that is here and right is left alone, one that is damaged is replaced. Without a published hash that of the
    first download is kept and holds from then on.
    Raises UsageError where the network is switched off or nothing can be fetched, PixgenError where no source gave what
    it should, or the disk has no room.
    """
    if entry.path is not None:
        raise UsageError(f"model {entry.name} is a user-provided file, {entry.path}; there is nothing to pull")
    return [_file(entry, file, watch or Watch(), patience or Patience()) for file in entry.files]


def _file(entry: Entry, file: File, watch: Watch, patience: Patience) -> Path:
    final = cache.place(entry, file)
    if final.is_file() and cache.check(entry, file, final) is None:
        return final
    if not file.sources:
        raise UsageError(
            f"no address of {entry.name} can be fetched by a program; download it from {entry.source} and say "
            f"`pixgen models add NAME PATH`"
        )
    if name := resources.offline():
        raise UsageError(f"{entry.name} is {cache.state(entry)} and {name} forbids the network; unset it to pull")
    reasons = []
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with partial.claim(entry, file) as part:
            for source in file.sources:
                watch.source(file, source)
                try:
                    _from(source, entry, file, part, watch.report, patience)
                except DownloadFailed as failed:
                    reasons.append(f"{source} {failed}")
                    watch.failed(source, str(failed))
                    continue
                cache.trust(entry, file, part.data)
                files.move(part.data, final)
                return final
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise PixgenError(
                f"the disk is full: {entry.name} needs {cache.size(file.bytes)} in {cache.folder()}; make room and "
                f"pull again, which resumes from here, or `{shell.command('models rm', [entry.name])}`"
            ) from error
        raise PixgenError(f"cannot write to {cache.folder()}: {reason(error).lower()}") from error
    finally:
        if not any(final.parent.iterdir() if final.parent.is_dir() else ()):
            shutil.rmtree(final.parent, ignore_errors=True)
    tried = "; ".join(reasons)
    kept = "; what came is kept, and the next pull resumes" if cache.unfinished(entry) else ""
    raise PixgenError(f"no source of {entry.name} gave {file.name}{kept}: {tried}")


def _from(source: str, entry: Entry, file: File, part: Part, report: Report, patience: Patience) -> None:
    """Bring the file from one source, right in every byte, or raise DownloadFailed."""
    hashed = file.member is None and (file.sha256 or cache.trusted(entry, file)) is not None
    wanted = file.bytes if file.member is None else None
    for mixed in (True, False):
        resumed = part.have > 0
        if source.startswith("hub:"):
            _from_hub(source, part, file)
        else:
            fetch(source, part, wanted, hashed, report, _room(entry), patience)
        wrong = _wrong(entry, file, part)
        if wrong is None:
            return
        part.begin(source, "")
        if not (mixed and resumed):  # bytes of two sources may not fit together: once more, from the start
            raise DownloadFailed(f"gives something else: {wrong}")


def _wrong(entry: Entry, file: File, part: Part) -> str | None:
    try:
        if file.member is not None:
            _extract(part, file.member, _room(entry))
        if file is entry.files[0]:
            weights.require_whole(part.data)
    except PixgenError as error:
        return str(error).replace(f"{part.data} ", "it ")
    return cache.check(entry, file, part.data)


def _extract(part: Part, member: str, room: Callable[[int], None]) -> None:
    """Replace a zip file by the one file in it that counts; it may become no larger than a weights file may."""
    try:
        with archives.opened(part.data) as archive, open(part.folder / "member", "wb") as file:
            if member in archive.entries:
                room(archive.entries[member].file_size)
            for block in archive.blocks(member):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    except archives.Damaged as error:
        raise PixgenError(f"{part.data} is not a zip file that holds {member} ({error})") from error
    files.move(part.folder / "member", part.data)


def _from_hub(source: str, part: Part, file: File) -> None:
    """A file of Hugging Face's hub, through its own library: tokens, mirrors (HF_ENDPOINT) and Xet are its matter."""
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    address, _, revision = source.removeprefix("hub:").partition("@")
    owner, name, path = address.split("/", 2)
    folder = part.folder / "hub"
    try:
        found = huggingface_hub.hf_hub_download(f"{owner}/{name}", path, revision=revision or None, local_dir=folder)
    except LocalEntryNotFoundError as error:
        raise DownloadFailed("cannot be reached") from error
    except HfHubHTTPError as error:
        raise DownloadFailed(reason(error)) from error
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise DownloadFailed(reason(error)) from error
    except Exception as error:  # its HTTP library's own, which changes from version to version
        raise DownloadFailed(f"broke off ({type(error).__name__}: {error})") from error
    part.begin(source, "")
    files.move(Path(found), part.data)
    shutil.rmtree(folder, ignore_errors=True)


def _room(entry: Entry) -> Callable[[int], None]:
    def require(missing: int) -> None:
        free = shutil.disk_usage(cache.folder()).free
        if missing + MARGIN > free:
            raise PixgenError(
                f"{entry.name} needs {cache.size(missing)} more in {cache.folder()}, and {cache.size(free)} are free; "
                "make room, or set PIXGEN_HOME to a folder with more"
            )

    return require
