"""What every setting of Pixray is called in pixgen, or why it has no counterpart: the table of docs/pixray.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Counterpart:
    """pixgen: how it is written there, as Markdown; empty where there is none. note: what differs, or why not."""

    pixgen: str
    note: str = ""


_SAME = "the same"

COUNTERPARTS: Mapping[str, Counterpart] = {
    # plugins
    "drawer": Counterpart("`generator.type`", "see the table of drawers"),
    "filters": Counterpart("`filters`", "see the table of filters"),
    "custom_loss": Counterpart("`losses`", "see the table of losses"),
    # prompts
    "prompts": Counterpart('the prompt: `"a castle \\| blue :0.5"`', "weights and stops too"),
    "spot_prompts": Counterpart("", "a prompt for a part of the picture does not exist yet"),
    "spot_prompts_off": Counterpart("", "a prompt for a part of the picture does not exist yet"),
    "spot_file": Counterpart("", "belongs to `spot_prompts`"),
    "labels": Counterpart("the prompt", "as prompts; seven templates around each are not averaged"),
    "vector_prompts": Counterpart(
        "`losses.NAME.type=written_words`",
        "`textoff`: other vectors belong to Pixray's CLIPs",
    ),
    "image_prompts": Counterpart('the prompt: `"image:photo.png :0.5"`', "a pattern becomes one prompt a file"),
    "image_prompt_weight": Counterpart("the weight after `image:photo.png :`"),
    "image_prompt_shuffle": Counterpart("", "Pixray took one picture a step at random; pixgen takes all at every step"),
    "image_labels": Counterpart(
        "`losses.NAME.type=image losses.NAME.path=...`", "a distance of pixels, not of latents"
    ),
    "image_label_weight": Counterpart("`losses.NAME.weight`", "of that loss"),
    "target_images": Counterpart('the prompt: `"image:photo.png :0.5"`', "one embedding of the picture, as in Pixray"),
    "noise_prompt_seeds": Counterpart(
        "`losses.NAME.type=random_target losses.NAME.seed=3`", "the same idea, another point"
    ),
    "noise_prompt_weights": Counterpart("`losses.NAME.weight`", "of that loss"),
    # effort
    "quality": Counterpart(
        "`steps`, `cutouts`, `size`, `perceptors`", "worked out; `-p draft` and `-p fine` are presets"
    ),
    "aspect": Counterpart("`--size WIDTHxHEIGHT`", "worked out"),
    "ezsize": Counterpart("`--size WIDTHxHEIGHT`", "worked out"),
    "scale": Counterpart("`--size WIDTHxHEIGHT`", "worked out"),
    "size": Counterpart("`--size WIDTHxHEIGHT`", "sides are rounded to what the generator can draw, and it says so"),
    "iterations": Counterpart("`--steps`", _SAME),
    "num_cuts": Counterpart("`cutouts`, `chunk`", "`cutouts` is num_cuts times batches, `chunk` num_cuts"),
    "batches": Counterpart("`cutouts`, `chunk`", "the gradient of all chunks is summed, as Pixray's batches were"),
    "perceptors": Counterpart("`perceptors`", "CLIPs of open_clip; SLIP is not among them"),
    "clip_models": Counterpart(
        "`perceptors.NAME.type=open_clip perceptors.NAME.model=ViT-B/32`", "with `--real-models`"
    ),
    "cut_pow": Counterpart("`cutter.size_power`", "Pixray never read it"),
    # start
    "init_image": Counterpart("`--init-image photo.png`", "the first file of a pattern"),
    "init_image_alpha": Counterpart("", "Pixray ignored it outside animations"),
    "init_noise": Counterpart(
        "`start.type=noise`, `gradient`, `snow` or `solid`",
        "with `--real-models`",
    ),
    "init_weight": Counterpart(
        "`losses.init.type=init`", "mean squared instead of spherical distance to the first latent"
    ),
    "init_weight_dist": Counterpart("`losses.init.type=init`", "mean squared distance to the first latent"),
    "init_weight_cos": Counterpart("`losses.init.type=init`", "mean squared instead of cosine distance"),
    "init_weight_pix": Counterpart("`losses.NAME.type=image losses.NAME.path=photo.png`", _SAME),
    "overlay_image": Counterpart(
        "", "laying a picture over the result does not exist yet; `losses.NAME.type=image` pulls to one"
    ),
    "overlay_alpha": Counterpart("", "belongs to `overlay_image`"),
    "overlay_every": Counterpart("", "belongs to `overlay_image`"),
    "overlay_offset": Counterpart("", "belongs to `overlay_image`"),
    "overlay_until": Counterpart("", "belongs to `overlay_image`"),
    # optimiser
    "learning_rate": Counterpart("`optimizer.lr`", "with `--real-models`; pixgen's own networks keep their rate"),
    "optimiser": Counterpart("`optimizer.type`", "DiffGrad and AdamP become Adam"),
    "learning_rate_drops": Counterpart("`optimizer.lr={type: step, drops: [0.75]}`", "as shares of the run"),
    "auto_stop": Counterpart("", "a run has the steps that it was given; Ctrl-C keeps the picture reached"),
    "seed": Counterpart("`--seed`", "the same number, another picture: the random numbers are others"),
    # output
    "output": Counterpart("`-o`"),
    "outdir": Counterpart("`-o`", "`%DATE%` is `[date]`; names never overwrite, so `%SEQ%` is not needed"),
    "save_every": Counterpart("", "the picture is saved at the end, or at Ctrl-C"),
    "save_intermediates": Counterpart("", "frames are not kept as files"),
    "display_every": Counterpart("", "only how often the picture was shown"),
    "display_clear": Counterpart("", "only how the picture was shown"),
    "make_video": Counterpart("", "a video of the run does not exist yet"),
    "animation_dir": Counterpart("", "a sequence of pictures in, one out, does not exist yet"),
    "animation_alpha": Counterpart("", "belongs to `animation_dir`"),
    "cudnn_determinism": Counterpart("always on a CPU", "a GPU's results are similar, not identical"),
    "cuda_device": Counterpart("`--device cuda:0`", _SAME),
    "palette": Counterpart(
        "`generator.palette` of `pixel`; `losses.NAME.colours`",
        "names are CSS's, not XKCD's",
    ),
    "transparent": Counterpart("", "no generator draws transparency yet"),
    "transparent_weight": Counterpart("", "belongs to `transparent`"),
    "alpha_use_g": Counterpart("", "Pixray never read it"),
    "alpha_gamma": Counterpart("", "Pixray never read it"),
    "skip_args": Counterpart("", "a mark for notebooks, which pixgen does not need"),
    # drawers
    "vqgan_model": Counterpart(
        "`generator.model`", "with `--real-models`; Pixray's names are known to `pixgen models`"
    ),
    "vqgan_config": Counterpart("`generator.config`", "Pixray crashed on it"),
    "vqgan_checkpoint": Counterpart("`generator.model`", "Pixray crashed on it"),
    "vdiff_model": Counterpart("", "no weights of these diffusion models can be had any more; `vqgan` draws instead"),
    "vdiff_schedule": Counterpart("", "belongs to `vdiff_model`"),
    "vdiff_skip": Counterpart("", "belongs to `vdiff_model`"),
    "pixel_size": Counterpart("`generator.pixel_size`, `cell_width`", "Pixray counts cells, pixgen the pixels of one"),
    "pixel_scale": Counterpart("`generator.pixel_size`, `cell_width`", "worked out"),
    "pixel_type": Counterpart("`generator.cells`", "the same six"),
    "pixel_edge_check": Counterpart("`generator.pixel_size`, `cell_width`", "worked out"),
    "pixel_iso_check": Counterpart("`generator.pixel_size`, `cell_width`", "worked out"),
    "strokes": Counterpart("`generator.number`", "of `strokes`"),
    "min_stroke_width": Counterpart("`generator.min_width`", "as a share of the height"),
    "max_stroke_width": Counterpart("`generator.max_width`", "as a share of the height"),
    "stroke_length": Counterpart("`generator.length`", "a share of the picture's side instead of segments"),
    "allow_paper_color": Counterpart("`generator.paper=learnt`", ""),
    "fft_use": Counterpart("`generator.type=fft` or `dwt`", ""),
    "fft_decay": Counterpart("`generator.decay`", ""),
    "fft_wave": Counterpart("`generator.wavelet`", "haar, db2, sym4 and coif2"),
    "fft_sharp": Counterpart("`generator.sharpness`", ""),
    "fft_colors": Counterpart("`generator.colours`", ""),
    "fft_lrate": Counterpart("`optimizer.lr`"),
    "super_resolution_model": Counterpart("", "`multires` draws instead"),
    # losses
    "palette_weight": Counterpart("`losses.NAME.weight`", "of `type=palette`, divided by 10 as Pixray did"),
    "saturation_weight": Counterpart("`losses.NAME.weight`", "of `type=colourfulness`, divided by 10 as Pixray did"),
    "symmetry_weight": Counterpart("`losses.NAME.weight`", "of `type=symmetry`"),
    "smoothness_weight": Counterpart("`losses.NAME.weight`", "of `type=smoothness`"),
    "smoothness_type": Counterpart("`losses.NAME.kind`", "the same three"),
    "smoothness_gaussian_kernel": Counterpart("`losses.NAME.blur`", "the blur reaches as far as its deviation asks"),
    "smoothness_gaussian_std": Counterpart("`losses.NAME.blur`", "in pixels"),
    "smoothness_spacing": Counterpart("", "only a factor, which the weight has already"),
    "smoothness_edge_order": Counterpart("", "the outermost pixels alone differ"),
    "edge_thickness": Counterpart("`losses.NAME.thickness`", "of `type=frame`, as a share of each side"),
    "edge_margins": Counterpart("`losses.NAME.left`, `right`, `top`, `bottom`", "as shares of each side"),
    "edge_color": Counterpart("`losses.NAME.colour`", "as `#rrggbb`"),
    "edge_color_weight": Counterpart("`losses.NAME.weight`", "of `type=frame`"),
    "edge_input_image": Counterpart("", "a frame of a picture is `losses.NAME.type=image`, over all of it"),
    "edge_mask_image": Counterpart("", "belongs to `edge_input_image`"),
    "global_color_weight": Counterpart("`losses.NAME.everywhere`", "of `type=frame`"),
    "style_file": Counterpart("`losses.NAME.path`", "of `type=style`, `method=relaxed`; no VGG is needed"),
    "styleloss_content_weight": Counterpart("`losses.NAME.weight`", "of `type=content`"),
    "styleloss_ospace": Counterpart("", "only how Pixray's own loss sampled colours"),
    "styleloss_skip": Counterpart("", "a weight curve does it: `losses.NAME.weight={type: linear, ...}`"),
    "styleloss_every": Counterpart("", "the loss is cheap enough for every step"),
    "aesthetic_target": Counterpart("`losses.NAME.target`", "of `type=head`, with the file of a linear head"),
    "gaussian_weight": Counterpart("`losses.NAME.weight`", "of `type=fade`; Pixray never registered this loss"),
    "gaussian_std": Counterpart("`losses.NAME.across`, `down`", "as shares of the sides"),
    "gaussian_color": Counterpart("`losses.NAME.colour`", "as `#rrggbb`"),
    # filters
    "lookup_beta": Counterpart("", "a lookup of colours does not exist yet; the palette loss pulls to them"),
    "wallpaper_type": Counterpart(
        "`filters.NAME.type=tile`", "`shift` is `shift=0.5`, `horizontal` `down=false`, `vertical` `across=false`"
    ),
    "wallpaper_edge_match": Counterpart("", "a random window sees the borders at every step, so nothing is trimmed"),
}
"""By the name of the setting in Pixray's last version."""

DRAWERS: Mapping[str, Counterpart] = {
    "vqgan": Counterpart("[`vqgan`](generators.md#vqgan)"),
    "pixel": Counterpart("[`pixel`](generators.md#pixel)"),
    "fast_pixel": Counterpart("[`pixel`](generators.md#pixel)", "square cells"),
    "fft": Counterpart("[`fft`](generators.md#fft) or [`dwt`](generators.md#dwt)"),
    "clipdraw": Counterpart("[`strokes`](generators.md#strokes)"),
    "line_sketch": Counterpart("[`strokes`](generators.md#strokes)", "the preset `sketch`"),
    "vdiff": Counterpart("[`vqgan`](generators.md#vqgan)", "no weights of these diffusion models can be had any more"),
    "super_resolution": Counterpart("[`multires`](generators.md#multires)", "pixels instead of the latents of ESRGAN"),
}
"""Pixray's drawers, and pixgen's generators that take their place."""

LOSSES: Mapping[str, Counterpart] = {
    "palette": Counterpart("`type: palette`"),
    "saturation": Counterpart("`type: colourfulness`", "`type: saturation` aims at a target instead"),
    "symmetry": Counterpart("`type: symmetry`", "the filter `mirror` makes it exact"),
    "smoothness": Counterpart("`type: smoothness`", "`type: tv` squares the differences"),
    "edge": Counterpart("`type: frame`"),
    "style": Counterpart("`type: style`", "three methods; no VGG is needed"),
    "resmem": Counterpart("", "needs ResMem, a network that pixgen does not read"),
    "aesthetic": Counterpart("`type: head`", "with the file of a head; pixgen ships none"),
    "gaussian": Counterpart("`type: fade`", "Pixray never registered it"),
}

FILTERS: Mapping[str, Counterpart] = {
    "lookup": Counterpart("`generator.palette`", "of `pixel`; elsewhere the palette loss pulls to colours"),
    "tiler": Counterpart("`type: tile`"),
    "wallpaper": Counterpart("`type: tile`", "the filter `wallpaper` repeats by symmetry groups"),
}
