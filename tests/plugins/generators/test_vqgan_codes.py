"""The ways of generator.vqgan to choose codes: nearest to a latent, or by logits of all codes."""

from typing import Any

import pytest
import torch

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.errors import UsageError
from pixgen.io.yaml_files import Layer
from pixgen.loop.engine import Engine
from pixgen.loop.scene import Stage
from pixgen.networks.vqgan import TINY, VQModel
from pixgen.plugins.generators.vqgan import VQGAN
from pixgen.registry import schedule
from pixgen.settings.config import resolve
from pixgen.testing import check_generator, scene

LOGITS = ["soft", "gumbel", "multinomial"]


def vqgan(**options: Any) -> VQGAN:
    torch.manual_seed(0)
    made: VQGAN = registry.create("generator", {"type": "vqgan", **options})
    return made.use(VQModel(TINY))


def sampled(generator: VQGAN, params: dict[str, torch.Tensor], step: int = 0, progress: float = 0.0) -> Any:
    return generator.sampled(params, progress, step, [Streams(0)])


@pytest.mark.parametrize("codes", LOGITS)
def test_they_keep_the_contract(codes: str) -> None:
    check_generator(vqgan(codes=codes), wrong=[{"temperature": 0}, {"final_temperature": -1}], encodes=False)


@pytest.mark.parametrize("codes", LOGITS)
def test_logits_of_a_picture_show_what_its_codes_show(codes: str) -> None:
    nearest, generator = vqgan(), vqgan(codes=codes)
    images = torch.rand(1, 3, 16, 24)
    wanted, found = (g.decode(g.encode(images)) for g in (nearest, generator))
    assert generator.encode(images)["logits"].shape == (1, 1024, 2, 3)
    torch.testing.assert_close(found, wanted, atol=2e-2 if codes == "soft" else 1e-5, rtol=0)


@pytest.mark.parametrize("codes", ["gumbel", "multinomial"])
def test_one_code_a_place_is_drawn_as_often_as_the_softmax_says(codes: str) -> None:
    generator = vqgan(codes=codes)
    logits = torch.full((1, 1024, 32, 32), -100.0)
    logits[:, 3], logits[:, 8] = 0.0, -1.0
    drawn = sampled(generator, {"logits": logits})
    index = generator.network.quantize.nearest(generator._mixed(drawn))
    share = float((index == 3).float().mean())
    assert set(index.unique().tolist()) == {3, 8} and abs(share - 1 / (1 + 2.718281828**-1)) < 0.05
    other = sampled(generator, {"logits": logits}, step=1)
    assert not torch.equal(other["gumbel"], drawn["gumbel"])
    assert torch.equal(sampled(generator, {"logits": logits})["gumbel"], drawn["gumbel"])


def test_a_lower_temperature_leaves_fewer_codes_and_falls_by_equal_ratios() -> None:
    logits = torch.randn(1, 1024, 4, 4, generator=torch.Generator().manual_seed(0))
    to_code = []
    for temperature in (2.0, 0.05):
        generator = vqgan(codes="soft", temperature=temperature)
        mixed = generator._mixed({"logits": logits})
        to_code.append(float((mixed - generator.network.codes(generator.network.quantize.nearest(mixed))).norm()))
    assert to_code[1] < 0.5 * to_code[0]
    generator = vqgan(codes="soft", temperature=4.0, final_temperature=0.25)
    found = [float(sampled(generator, {"logits": logits}, progress=p)["temperature"][0]) for p in (0, 0.5, 1)]
    assert found == pytest.approx([4.0, 1.0, 0.25])


@pytest.mark.parametrize("codes", LOGITS)
def test_a_run_lowers_the_loss_and_the_same_seed_gives_the_same_picture(codes: str) -> None:
    def run() -> tuple[list[float], torch.Tensor]:
        losses = {"light": {"type": "brightness", "target": 0.9, "weight": 1.0}}
        options = {"stages": [Stage(8, (32, 32), 2)], "average": 0.0, "lr": schedule(1.0)}
        made = scene(generator=vqgan(codes=codes), losses=losses, **options)
        steps = list(Engine(made))
        return [float(step.total) for step in steps], steps[-1].images()

    (losses, images), (_, again) = run(), run()
    assert max(losses[-3:]) < losses[0]
    assert torch.equal(images, again)


def test_the_options_are_stored_only_where_they_are_set() -> None:
    plain = resolve([Layer({"generator": {"type": "vqgan"}}, "a test")]).generator
    assert set(plain) == {"type", "model", "config", "checkpointing", "init_from"}
    chosen = resolve([Layer({"generator": {"type": "vqgan", "codes": "soft"}}, "a test")]).generator
    assert chosen["codes"] == "soft"


def test_a_latent_may_leave_the_codebook_where_a_loss_brings_it_back() -> None:
    far = {"latent": torch.full((1, 8, 2, 2), 3.0)}
    vqgan(in_codebook=False).project_(far)
    assert far["latent"].eq(3.0).all()
    vqgan().project_(far)
    torch.testing.assert_close(far["latent"].norm(dim=1), torch.ones(1, 2, 2))


@pytest.mark.parametrize(("to", "less"), [("nearest", "codes"), ("zero", "norm")])
def test_the_codebook_loss_pulls_the_latent(to: str, less: str) -> None:
    def run(weight: float) -> float:
        losses = {"clip": {"type": "clip"}, "tuned": {"type": "codebook", "to": to, "weight": weight}}
        generator = vqgan(in_codebook=False)
        made = scene(generator=generator, losses=losses, stages=[Stage(5, (32, 32), 4)], average=0.0)
        for step in Engine(made):
            latent = step.params["latent"]
        network = generator.network
        codes = network.codes(network.quantize.nearest(latent)) if less == "codes" else torch.zeros_like(latent)
        return float((latent - codes).norm())

    assert run(50.0) < 0.9 * run(0.0)


@pytest.mark.parametrize("generator", [registry.create("generator", {"type": "pixel"}), vqgan(codes="soft")])
def test_the_codebook_loss_refuses_a_generator_without_a_latent(generator: Any) -> None:
    with pytest.raises(UsageError, match="loss codebook needs the latent of a VQGAN: generator.type=vqgan"):
        scene(generator=generator, losses={"tuned": {"type": "codebook", "weight": 1.0}})
