"""Train the generator: a VQGAN (arXiv 2012.09841) from nothing, on crops of scenes.

An encoder turns each 8x8 pixels into the nearest of 1,024 unit codes, a decoder turns codes back into a picture.
It begins as a plain autoencoder whose first latents are the principal components of patches; then its latents are
clustered (k-means), the clusters become the codebook, and training continues through codes that follow their latents as
running means (arXiv 1711.00937, appendix A.1). It learns from the distance of pixels, of edges, and of the
perceptor's own features in place of VGG's; towards the end a patch discriminator (arXiv 1611.07004) asks for crispness.
The scenes have no grain: ten bits for 64 pixels cannot keep it, and would be spent on it.

    python -m pixgen.training.vqgan RUN --cache CACHE [--perceptor RUN/perceptor.safetensors] [--decoder]

Counted in crops of 64x64 pixels, so a run may be stopped anywhere and resumes where it stopped. With --decoder only the
decoder learns, by the discriminator from the first step: codes keep their meaning, and the token decoder stays good.
--codes sets the size of the codebook; where it differs from that of the weights to begin from, their latents are
clustered anew. `pixgen.training.codes` adds codes without any training.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixgen.errors import UsageError
from pixgen.io import terminal
from pixgen.networks import store
from pixgen.networks.discriminator import Discriminator
from pixgen.networks.vqgan import TINY, VQModel, load
from pixgen.training import monitor, runs
from pixgen.training.codebook import Codes, Components
from pixgen.training.data.pool import ScenePool, open_pool
from pixgen.training.data.scenes import Scenes
from pixgen.training.options import ALL_SUBJECTS, LearningRate, Option, Restart, RunOptions, parse
from pixgen.training.reconstruction import distance, measure

CONTINUOUS = 0.25
"""Until this share of the run there are no codes."""
ANCHORED = 0.75
"""Until this share of the run latents are held near the components, or they would give up the rarer colours."""
LATENT_NOISE = 0.03
"""Standard deviation of the noise on unit latents while there are no codes."""
CRITIC_FROM = 0.8
"""Share of the run before the discriminator, by default."""
CRISPNESS = 0.3
"""Pull of the discriminator on a picture, as a share of the pull towards the true one (arXiv 2012.09841, eq. 7)."""
COMMITMENT = 0.25
REVIVE_EVERY = 100


@dataclass(frozen=True)
class Sizes:
    """What a test makes small.

    batch: crops of 64x64 a step; a batch of larger pictures has as many pixels.
    clustered: batches whose latents are clustered, at least; a large codebook takes more, four latents a code.
    validation: how many unseen scenes are reconstructed at every checkpoint, and their side.
    network: as `networks.vqgan.VQModel` takes it; the option `codes` changes the size of its codebook.
    """

    batch: int = 4
    clustered: int = 64
    validation: tuple[int, int] = (12, 256)
    network: dict[str, Any] = field(default_factory=lambda: TINY)


@dataclass(frozen=True, kw_only=True)
class Options(RunOptions):
    """Of the VQGAN."""

    perceptor: Annotated[Path | None, Option("Weights of the perceptor whose features are compared.", "FILE")] = None
    crops: Annotated[int, Option("Crops to see in all.", minimum=1, toy=2000, counts=True)] = 400_000
    pool: Annotated[int, Option("Scenes that are rendered once and used again.", minimum=1, toy=500)] = 10_000
    decoder: Annotated[bool, Option("Train the decoder alone; codes keep their meaning.")] = False
    codes: Annotated[int | None, Option("Size of the codebook; that of --restart, or 1024.", minimum=1)] = None
    critic: Annotated[float, Option("Share of the run before the discriminator.", minimum=0)] = CRITIC_FROM
    lr: LearningRate = 1e-3
    restart: Restart = None
    sizes: Sizes = Sizes()


def batch_at(step: int, seed: int, halves: ScenePool, wholes: ScenePool, crops: int) -> Tensor:
    """Crops of 64x64; every third batch whole pictures of 128x128, every twelfth one whole picture of 256x256."""
    rng = np.random.default_rng((seed, step))
    if step % 12 == 11:
        return _pictures(wholes, rng, 1, 256)
    if step % 3 == 2:
        return _pictures(halves, rng, max(1, crops // 4), 128)
    return torch.cat((_pictures(halves, rng, crops // 2, 64), _pictures(wholes, rng, crops - crops // 2, 64)))


def _pictures(source: ScenePool, rng: np.random.Generator, count: int, side: int) -> Tensor:
    cut = []
    for place in rng.integers(len(source), size=count):
        picture = source.pictures[place]
        y, x = rng.integers(0, picture.shape[-1] - side + 1, size=2)
        square = picture[:, y : y + side, x : x + side]
        cut.append(torch.tensor(square[..., ::-1].copy() if rng.random() < 0.5 else square.copy()))
    return torch.stack(cut).float().div_(255)


def unit_rows(latents: Tensor) -> Tensor:
    """(B, C, h, w) -> (B*h*w, C), unit."""
    return F.normalize(latents.movedim(1, -1).flatten(0, 2), dim=1)


def cluster(
    model: VQModel, codes: Codes, halves: ScenePool, wholes: ScenePool, step: int, seed: int, sizes: Sizes
) -> None:
    """Make the codebook from what the encoder gives for the batches from this step on."""
    weight = model.quantize.embedding.weight
    latents = sizes.batch * (64 // model.factor) ** 2  # of a batch of crops; one of larger pictures has no fewer
    count = max(sizes.clustered, 4 * len(weight) // latents)
    with torch.no_grad():
        batches = (batch_at(later, seed, halves, wholes, sizes.batch) for later in range(step, step + count))
        rows = torch.cat([unit_rows(model.encode(batch.to(weight.device))) for batch in batches])
        weight.copy_(codes.cluster(rows))


def pull(loss: Tensor, made: Tensor, critic: nn.Module | None) -> Tensor:
    """Where the decoded pictures should go: the gradient of the loss and, of a length in proportion, the critic's."""
    (wanted,) = torch.autograd.grad(loss, made)
    if critic is None:
        return wanted
    detached = made.detach().requires_grad_()
    (crisper,) = torch.autograd.grad(-critic(detached).mean(), detached)
    both: Tensor = wanted + CRISPNESS * wanted.norm() / crisper.norm().clamp(min=1e-12) * crisper
    return both


def scenes(cache: Path, batch: int, side: int, seed: int, portraits: float = 0.0) -> Scenes:
    """Of all subjects, without grain."""
    return Scenes(cache, batch, side, seed, subjects=ALL_SUBJECTS, noise=0.0, portraits=portraits)


def main(options: Options) -> None:
    """Train, or resume the checkpoint.

    Raises UsageError where the run was begun with other inputs, or the decoder is to learn alone and has no codes, or a
    number of codes that differs from that of the weights to begin from.
    """
    sizes, usual = options.sizes, options.sizes.network["n_embed"]
    device = runs.prepare_device(options)
    runs.require_unfinished(options, options.restart, "crops")
    checkpoint = options.run / "checkpoint.pt"
    state = runs.load_checkpoint(checkpoint)
    shipped = load(options.restart) if options.restart and state is None else None
    known = len(shipped.quantize.codebook) if shipped else len(state["model"][store.CODEBOOK]) if state else usual
    config = sizes.network | {"n_embed": options.codes or known}
    if shipped and known == config["n_embed"]:
        config["token_codes"] = shipped.token_codes
    elif state is not None:
        config["token_codes"] = state.get("token_codes", config["n_embed"])
    if shipped and options.decoder and known != config["n_embed"]:
        raise UsageError(f"--decoder keeps all codes, and {options.restart} has {known}; give --codes {known}")
    runs.require_same_inputs(options, "seed", "pool", "portraits", earlier={"codes": usual}, codes=config["n_embed"])

    small = scenes(options.cache, 32, 128, options.seed + 100, options.portraits)
    large = scenes(options.cache, 32, 256, options.seed + 101, options.portraits)
    halves = open_pool(options.run / "clean128.npy", small, options.pool * 4 // 5)
    wholes = open_pool(options.run / "clean256.npy", large, options.pool // 5)
    validation = scenes(options.cache, *sizes.validation, options.seed + 200)[0].images.to(device)
    portraits = scenes(options.cache, *sizes.validation, options.seed + 201, portraits=1.0)
    people = portraits[0].images.to(device) if portraits.portraits else None
    model, critic = VQModel(config).to(device), Discriminator().to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average, codes = runs.WeightAverage(model, 0.995), Codes(config["n_embed"], config["embed_dim"]).to(device)
    for name, parameter in model.named_parameters():
        learns = name.startswith(("decoder", "post_quant_conv")) if options.decoder else not name.startswith("quantize")
        parameter.requires_grad_(learns)
    learners = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(learners, lr=options.lr, betas=(0.9, 0.98))
    components = Components(config["embed_dim"], model.factor)
    components.measure(batch_at(2, options.seed, halves, wholes, 64))
    components.to(device)
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=options.lr / 2, betas=(0.5, 0.9))
    perceptor = runs.load_clip(options.perceptor).to(device) if options.perceptor else None
    parts: dict[str, nn.Module | torch.optim.Optimizer] = {
        "model": model,
        "average": average.model,
        "critic": critic,
        "codes": codes,
        "optimizer": optimizer,
        "critic_optimizer": critic_optimizer,
    }
    log = runs.TrainingLog(options.run / "log.jsonl", options.crops)
    seen, step, begun = 0, 0, 0  # steps since `begun` warm the learning rate up
    if state is not None:
        others = state.get("decoder", options.decoder) != options.decoder  # parameters that learn from here on
        for name, part in parts.items():
            if part is not optimizer or not others:
                part.load_state_dict(state[name])
        seen, step = state["seen"], state["step"]
        begun = step if others else state["begun"]
    elif options.restart and shipped:
        weights = shipped.state_dict()
        if known == config["n_embed"]:
            model.load_state_dict(weights)
            codes.hold(model.quantize.codebook)
        else:  # the encoder's latents stay what they are, and are clustered anew
            kept = {name: value for name, value in weights.items() if not name.startswith("quantize.")}
            model.load_state_dict(model.state_dict() | kept)
            cluster(model, codes, halves, wholes, 0, options.seed, sizes)
        average.model.load_state_dict(model.state_dict())
        if (beside := options.restart.with_name("discriminator.safetensors")).exists():
            critic.load_state_dict(store.read(beside, "discriminator")[0])
        seen = store.count(options.restart, "crops")
        step = begun = seen // sizes.batch
    clustered = bool(codes.counts.any())
    if options.decoder and not clustered:
        raise UsageError("--decoder needs a VQGAN that has codes; give one by --restart, or train it first")

    saved = reported = time.time()
    while seen < options.crops:
        torch.manual_seed(options.seed * 1_000_003 + step)  # the same after a kill
        progress = seen / options.crops
        real = batch_at(step, options.seed, halves, wholes, sizes.batch).to(device, memory_format=torch.channels_last)
        if not clustered and progress >= CONTINUOUS:
            cluster(model, codes, halves, wholes, step, options.seed, sizes)
            clustered = True
        with runs.autocast(device):
            latents = model.encode(real)
        unit = F.normalize(latents, dim=1)
        commitment, adversarial = torch.zeros(()), options.decoder or progress >= options.critic
        if clustered:
            looked_up, indices = model.quantize(latents)
            commitment = (unit - looked_up.detach()).square().sum(1).mean()
            if progress < ANCHORED:
                commitment = commitment + 2 * (unit - components(real)).square().sum(1).mean()
            given = looked_up
        else:
            first = components(real)
            taken = torch.rand(len(real), 1, 1, 1).to(device) < progress / CONTINUOUS
            noisy = torch.where(taken, unit, first) + LATENT_NOISE * torch.randn_like(unit)
            given = F.normalize(noisy, dim=1)
            commitment = 4 * (1 - progress / CONTINUOUS) * (unit - first).square().sum(1).mean()
        with runs.autocast(device):
            made = model.decode(given)
        made = made.float()
        loss, values = distance(made, real, perceptor)
        for group in optimizer.param_groups:
            group["lr"] = runs.warmup_cosine(options.lr, progress, step - begun, 0.02)
        optimizer.zero_grad(set_to_none=True)
        pulls: dict[Tensor, Tensor | None] = {made: pull(loss, made, critic if adversarial else None)}
        if commitment.requires_grad:
            pulls[COMMITMENT * commitment] = None
        torch.autograd.backward(list(pulls), list(pulls.values()))
        nn.utils.clip_grad_norm_(learners, 1.0)
        optimizer.step()
        if adversarial:
            hinge = F.relu(1 - critic(real)).mean() + F.relu(1 + critic(made.detach())).mean()
            critic_optimizer.zero_grad(set_to_none=True)
            hinge.backward()
            critic_optimizer.step()
        moved = 0
        if (
            clustered and progress < 0.9 and not options.decoder
        ):  # codes rest at the end, so that the decoder can settle on them
            rows, codebook = unit_rows(latents.detach()), model.quantize.embedding.weight.data
            codes.follow(codebook, indices.flatten(), rows)
            if step % REVIVE_EVERY == 0:
                moved = codes.revive(codebook, rows)
        average.update(model, step)
        average.model.quantize.embedding.weight.data.copy_(model.quantize.embedding.weight)
        step, seen = step + 1, seen + sizes.batch
        if step % 50 == 0:
            rate = 50 * sizes.batch / (time.time() - reported)
            reported = time.time()
            shown = {name: round(value, 4) for name, value in values.items()}
            commit = round(commitment.item(), 3)
            log.write(
                crops=seen, rate=round(rate, 1), loss=round(loss.item(), 4), commit=commit, revived=moved, **shown
            )
        if runs.checkpoint_due(saved, options.save_every) or seen >= options.crops:
            facts, drawn = measure(average.model, validation, not clustered)
            if people is not None:
                faces, portrayed = measure(average.model, people, not clustered)
                facts |= {f"people_{name}": value for name, value in faces.items()}
                monitor.sheet(options.run / "samples" / f"{step:06}-people.png", [people[:8], portrayed[:8]])
            log.write(crops=seen, **facts)
            counted = {"crops": seen, "seed": options.seed}
            store.save(average.model, options.run / "vqgan.safetensors", **counted, **facts)
            if adversarial:
                store.write(critic.state_dict(), options.run / "discriminator.safetensors", counted)
            monitor.sheet(options.run / "samples" / f"{step:06}.png", [validation[:8], drawn[:8]])
            states = {name: part.state_dict() for name, part in parts.items()}
            # Last: where it ends the training, all is written.
            counts = {"seen": seen, "step": step, "begun": begun, "decoder": options.decoder}
            counts["token_codes"] = model.token_codes
            runs.save_atomically(states | counts, checkpoint)
            saved = time.time()


if __name__ == "__main__":
    terminal.run(lambda: main(parse(Options)))
