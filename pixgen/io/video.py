"""Videos, written by the ffmpeg that comes with imageio-ffmpeg."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from pixgen.errors import PixgenError, reason
from pixgen.io.pictures import to_bytes

RATE = 12
"""Pictures a second."""


def encode(frames: Sequence[Tensor], rate: int = RATE, comment: str = "") -> bytes:
    """The bytes of an MP4 (H.264, which every browser plays) of the frames, in their order.

    frames: float32 (1, 3, H, W) in [0, 1], all of one size; an odd side loses its last row or column, for the format
    has none. comment: what players show as such. The same frames give the same bytes on the same machine.
    Raises PixgenError where ffmpeg fails.
    """
    import imageio_ffmpeg

    height, width = (side // 2 * 2 for side in frames[0].shape[2:])
    with tempfile.TemporaryDirectory(prefix="pixgen-") as folder:
        path = Path(folder) / "video.mp4"
        extra = ["-preset", "slow", "-crf", "18", "-movflags", "+faststart", "-fflags", "+bitexact"]
        extra += ["-flags:v", "+bitexact", "-threads", "1", "-metadata", f"comment={comment}"]
        try:
            writer = imageio_ffmpeg.write_frames(
                str(path), (width, height), fps=rate, codec="libx264", macro_block_size=2, quality=None,
                output_params=extra, ffmpeg_log_level="error",
            )  # fmt: skip
            writer.send(None)
            for frame in frames:
                writer.send(to_bytes(frame[..., :height, :width]))
            writer.close()
            return path.read_bytes()
        except (OSError, RuntimeError) as error:
            raise PixgenError(f"ffmpeg could not write the video: {reason(error)}") from error
