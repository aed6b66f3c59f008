"""Every setting of Pixray: its name, type, default, and to which of Pixray's plugins it belongs.

Read from Pixray's last version (pixray/pixray 37b03cf, May 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "number", "whole", "flag", "wholes", "numbers", "unit", "units"]
"""wholes, numbers: several on a command line, a list in YAML. unit: a number of iterations or a share (`10%`)."""


@dataclass(frozen=True)
class Option:
    """One setting.

    flags: its spellings on a command line, without the hyphens, beside its name.
    owner: the drawer, loss or filter that reads it (`drawer pixel`); empty for what every run reads.
    count: how many numbers a list has; 0 for any.
    """

    name: str
    kind: Kind
    default: Any = None
    flags: tuple[str, ...] = ()
    owner: str = ""
    count: int = 0


DRAWERS = ("vqgan", "vdiff", "pixel", "fast_pixel", "fft", "clipdraw", "line_sketch", "super_resolution")
LOSSES = ("palette", "saturation", "symmetry", "smoothness", "edge", "style", "resmem", "aesthetic")
FILTERS = ("lookup", "tiler", "wallpaper")

_PLUGINS = (
    Option("drawer", "text", "vqgan"),
    Option("filters", "text"),
    Option("custom_loss", "text", flags=("losses",)),
)

_PROMPTS = (
    Option("prompts", "text", "", ("p",)),
    Option("spot_prompts", "text", "", ("sp", "spot")),
    Option("spot_prompts_off", "text", "", ("spo", "spot_off")),
    Option("spot_file", "text", None, ("spf",)),
    Option("labels", "text", "", ("l",)),
    Option("vector_prompts", "text", "textoff", ("vp",)),
    Option("image_prompts", "text", "", ("ip",)),
    Option("image_prompt_weight", "number", None, ("ipw",)),
    Option("image_prompt_shuffle", "flag", False, ("ips",)),
    Option("image_labels", "text", None, ("il",)),
    Option("image_label_weight", "number", 1.0, ("ilw",)),
    Option("target_images", "text", None, ("ti",)),
    Option("noise_prompt_seeds", "wholes", (), ("nps",)),
    Option("noise_prompt_weights", "numbers", (), ("npw",)),
)

_EFFORT = (
    Option("quality", "text", "normal", ("qua",)),
    Option("aspect", "text", "widescreen", ("asp",)),
    Option("ezsize", "text", None, ("ezs",)),
    Option("scale", "number", None, ("sca",)),
    Option("size", "wholes", None, ("s",), count=2),
    Option("iterations", "whole", None, ("i",)),
    Option("num_cuts", "whole", None, ("cuts",)),
    Option("batches", "whole", None, ("bats",)),
    Option("perceptors", "text", "clip"),
    Option("clip_models", "text", None, ("m",)),
    Option("cut_pow", "number", 1.0, ("cutp", "cut_power")),
)

_START = (
    Option("init_image", "text", None, ("ii",)),
    Option("init_image_alpha", "whole", 200, ("iia",)),
    Option("init_noise", "text", "pixels", ("in",)),
    Option("init_weight", "number", None, ("iw",)),
    Option("init_weight_dist", "number", 0.0, ("iwd",)),
    Option("init_weight_cos", "number", 0.0, ("iwc",)),
    Option("init_weight_pix", "number", 0.0, ("iwp",)),
    Option("overlay_image", "text", None, ("ovi",)),
    Option("overlay_alpha", "whole", None, ("ova",)),
    Option("overlay_every", "unit", "10 iterations", ("ove",)),
    Option("overlay_offset", "unit", "0 iterations", ("ovo",)),
    Option("overlay_until", "unit", None, ("ovu",)),
)

_OPTIMISER = (
    Option("learning_rate", "number", 0.2, ("lr",)),
    Option("optimiser", "text", "Adam", ("opt",)),
    Option("learning_rate_drops", "units", (75,), ("lrd",)),
    Option("auto_stop", "flag", False, ("as",)),
    Option("seed", "text", None, ("sd",)),
)

_OUTPUT = (
    Option("output", "text", "output.png", ("o",)),
    Option("outdir", "text", "outputs/%DATE%_%SEQ%"),
    Option("save_every", "unit", 10, ("se",)),
    Option("save_intermediates", "flag", True),
    Option("display_every", "unit", 20, ("de",)),
    Option("display_clear", "flag", False, ("dc",)),
    Option("make_video", "flag", False, ("vid", "video")),
    Option("animation_dir", "text", None, ("anim",)),
    Option("animation_alpha", "whole", 128, ("ana",)),
    Option("cudnn_determinism", "flag", False, ("d", "deterministic")),
    Option("cuda_device", "text", "cuda:0", ("cd",)),
    Option("palette", "text"),
    Option("transparent", "flag", False),
    Option("transparent_weight", "number", 0.0),
    Option("alpha_use_g", "flag", False),
    Option("alpha_gamma", "number", 4.0),
    Option("skip_args", "flag", False),
)

_DRAWERS = (
    Option("vqgan_model", "text", "imagenet_f16_16384", owner="drawer vqgan"),
    Option("vqgan_config", "text", owner="drawer vqgan"),
    Option("vqgan_checkpoint", "text", owner="drawer vqgan"),
    Option("vdiff_model", "text", "yfcc_2", owner="drawer vdiff"),
    Option("vdiff_schedule", "text", "default", owner="drawer vdiff"),
    Option("vdiff_skip", "number", 0.0, owner="drawer vdiff"),
    Option("pixel_size", "wholes", owner="drawer pixel", count=2),
    Option("pixel_scale", "number", owner="drawer pixel"),
    Option("pixel_type", "text", "rect", owner="drawer pixel"),
    Option("pixel_edge_check", "flag", True, owner="drawer pixel"),
    Option("pixel_iso_check", "flag", True, owner="drawer pixel"),
    Option("strokes", "whole", owner="drawer clipdraw"),
    Option("min_stroke_width", "number", owner="drawer clipdraw"),
    Option("max_stroke_width", "number", owner="drawer clipdraw"),
    Option("stroke_length", "whole", 8, owner="drawer line_sketch"),
    Option("allow_paper_color", "flag", False, owner="drawer line_sketch"),
    Option("fft_use", "text", "fft", owner="drawer fft"),
    Option("fft_decay", "number", 1.5, owner="drawer fft"),
    Option("fft_wave", "text", "coif2", owner="drawer fft"),
    Option("fft_sharp", "number", 0.3, owner="drawer fft"),
    Option("fft_colors", "number", 1.5, owner="drawer fft"),
    Option("fft_lrate", "number", 0.3, owner="drawer fft"),
    Option("super_resolution_model", "text", "RealESRGAN_x4plus", owner="drawer super_resolution"),
)

_LOSSES = (
    Option("palette_weight", "number", 1.0, owner="loss palette"),
    Option("saturation_weight", "number", 1.0, owner="loss saturation"),
    Option("symmetry_weight", "number", 1.0, owner="loss symmetry"),
    Option("smoothness_weight", "number", 1.0, owner="loss smoothness"),
    Option("smoothness_type", "text", "default", owner="loss smoothness"),
    Option("smoothness_gaussian_kernel", "number", 0.0, owner="loss smoothness"),
    Option("smoothness_gaussian_std", "number", 1.0, owner="loss smoothness"),
    Option("smoothness_spacing", "whole", 1, owner="loss smoothness"),
    Option("smoothness_edge_order", "whole", 1, owner="loss smoothness"),
    Option("edge_thickness", "whole", 5, owner="loss edge"),
    Option("edge_margins", "wholes", owner="loss edge", count=4),
    Option("edge_color", "text", "white", owner="loss edge"),
    Option("edge_color_weight", "number", 0.1, owner="loss edge"),
    Option("edge_input_image", "text", "", owner="loss edge"),
    Option("edge_mask_image", "text", "", owner="loss edge"),
    Option("global_color_weight", "number", 0.05, owner="loss edge"),
    Option("style_file", "text", "", owner="loss style"),
    Option("styleloss_content_weight", "number", 32.0, owner="loss style"),
    Option("styleloss_ospace", "text", "uniform", owner="loss style"),
    Option("styleloss_skip", "whole", 100, owner="loss style"),
    Option("styleloss_every", "whole", 1, owner="loss style"),
    Option("aesthetic_target", "number", 10.0, owner="loss aesthetic"),
    Option("gaussian_weight", "number", 1.0, owner="loss gaussian"),
    Option("gaussian_std", "numbers", (40.0, 40.0), owner="loss gaussian", count=2),
    Option("gaussian_color", "numbers", (255.0, 255.0, 255.0), owner="loss gaussian", count=3),
)

_FILTERS = (
    Option("lookup_beta", "number", 10.0, owner="filter lookup"),
    Option("wallpaper_type", "text", None, owner="filter wallpaper"),
    Option("wallpaper_edge_match", "whole", 0, owner="filter wallpaper"),
)

OPTIONS: dict[str, Option] = {
    option.name: option
    for group in (_PLUGINS, _PROMPTS, _EFFORT, _START, _OPTIMISER, _OUTPUT, _DRAWERS, _LOSSES, _FILTERS)
    for option in group
}
"""By name (what Pixray calls the dest)."""

SHARED_OWNERS = {
    "drawer pixel": ("drawer fast_pixel",),
    "drawer clipdraw": ("drawer line_sketch",),
}
"""Owners whose settings other plugins read too (`pixel_size`, `strokes`)."""

BY_FLAG: dict[str, Option] = {flag: option for option in OPTIONS.values() for flag in (option.name, *option.flags)}
"""By every spelling on a command line, without the hyphens."""


def is_read_by(option: Option, chosen: set[str]) -> bool:
    """Whether a run with these plugins (`drawer pixel`, `loss edge`) reads the setting at all."""
    if not option.owner:
        return True
    return not chosen.isdisjoint({option.owner, *SHARED_OWNERS.get(option.owner, ())})
