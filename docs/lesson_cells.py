# The cells of docs/lesson.ipynb (en) and docs/licao.ipynb (pt), in their order; docs/make_lesson.py builds both.
# `# %% en` and `# %% pt` begin text, `# %%` begins code, which the two share.

# %% en
# # How a computer draws what you write
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/pixgen/pixgen/blob/main/docs/lesson.ipynb)
#
# *[Português](licao.ipynb)*
#
# In this lesson you train a network that matches pictures and words, you use a bigger one to classify and to find
# pictures, and in the end you write, in thirty lines, a program that draws. Run the cells from top to bottom with
# Shift+Enter. On a laptop with two cores all of it takes a few minutes; no GPU is needed, and no internet once pixgen
# is installed.
#
# The first cell installs pixgen where it is missing, as in Colab. The second loads it and uses the GPU if there is one.
# (In Colab: *Runtime → Change runtime type → GPU*.)

# %% pt
# # Como um computador desenha o que você escreve
#
# [![Abrir no Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/pixgen/pixgen/blob/main/docs/licao.ipynb)
#
# *[English](lesson.ipynb)*
#
# Nesta lição você treina uma rede que relaciona imagens e palavras, usa uma rede maior para classificar e procurar
# imagens e, no fim, escreve em trinta linhas um programa que desenha. Execute as células de cima para baixo com
# Shift+Enter. Em um notebook com dois núcleos, tudo leva poucos minutos; não é preciso ter GPU nem, depois de instalar
# o pixgen, internet.
#
# A primeira célula instala o pixgen onde ele faltar, como no Colab. A segunda o carrega e usa a GPU, se houver uma.
# (No Colab: *Ambiente de execução → Alterar o tipo de ambiente de execução → GPU*.)

# %%
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("pixgen") is None:
    package = "pixgen[lesson] @ git+https://github.com/pixgen/pixgen"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", package], check=True)

# %%
import random
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from torch import nn

import pixgen
from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.io import pictures, resources
from pixgen.networks import pair, store
from pixgen.networks.discriminator import Discriminator

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(device)


def show(images, titles=(), columns=5, side=1.7):
    """Pictures in rows: tensors (3, H, W), Pillow images or paths of files."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(side * columns, (side + 0.25) * rows), squeeze=False, dpi=72)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, images, [*titles, *[""] * len(images)], strict=False):
        shown = image if isinstance(image, torch.Tensor) else pictures.read(image)[0]
        axis.imshow(shown.detach().cpu().clamp(0, 1).movedim(0, -1))
        axis.set_title(title, fontsize=9)
    figure.tight_layout()
    plt.show()


# %% en
# ## 1. Pictures and words on one map
#
# Think of a map on which every picture and every sentence is a point. A picture of a dog and the words "a dog" should
# lie close together, far from "a cup". CLIP learns such a map. It has two networks: one reads a picture, the other
# reads a text, and each gives a list of numbers, the **embedding**: the coordinates on the map. (Ours have 32 numbers,
# not two.)
#
# How close two points are is measured by the **cosine** of the angle between them: 1 for the same direction, 0 for
# nothing in common.
#
# To learn, CLIP plays a matching game. It gets N pictures and their N captions, shuffled, and has to say which belongs
# to which. Nobody tells it what a circle is: that the game goes better when it knows is enough. This is **contrastive
# training**. Let us play it with plain shapes: 3 shapes x 3 colours x 2 sides make 18 captions.

# %% pt
# ## 1. Imagens e palavras em um mesmo mapa
#
# Imagine um mapa em que cada imagem e cada frase é um ponto. A imagem de um cachorro e as palavras "um cachorro" devem
# ficar perto uma da outra, e longe de "uma xícara". O CLIP aprende um mapa assim. Ele tem duas redes: uma lê a imagem,
# a outra lê o texto, e cada uma devolve uma lista de números, o **embedding** (ou vetor de representação): as
# coordenadas no mapa. (As nossas têm 32 números, não dois.)
#
# A proximidade de dois pontos é medida pelo **cosseno** do ângulo entre eles: 1 para a mesma direção, 0 para nada em
# comum.
#
# Para aprender, o CLIP joga um jogo de pares. Ele recebe N imagens e as N legendas delas, embaralhadas, e tem de dizer
# qual legenda é de qual imagem. Ninguém explica a ele o que é um círculo: basta que o jogo fique mais fácil para quem
# sabe. Isso é o **treinamento contrastivo**. Vamos jogar com formas simples: 3 formas x 3 cores x 2 lados dão 18
# legendas. (No código elas estão em inglês: *circle* é círculo, *square* é quadrado, *left* é esquerda, *right* é
# direita.)

# %%
captions = [
    f"{colour} {shape} {side}"
    for colour in ("red", "green", "blue")
    for shape in ("circle", "square", "triangle")
    for side in ("left", "right")
]
dice = random.Random(1)


def shape_picture(caption, mirrored=False):
    """A caption -> its picture, float32 (3, 32, 32); every time a little different."""
    colour, shape, side = caption.split()
    image = Image.new("RGB", (32, 32), "gainsboro")
    pen = ImageDraw.Draw(image)
    x = (9 if side == "left" else 22) + dice.randint(-2, 2)
    y, r = 16 + dice.randint(-6, 6), dice.randint(5, 7)
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif shape == "square":
        pen.rectangle((x - r, y - r, x + r, y + r), fill=colour)
    else:
        pen.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=colour)
    return pictures.read(ImageOps.mirror(image) if mirrored else image)[0]


examples = captions[::5]
show([shape_picture(caption) for caption in examples], examples)

# %% en
# The picture network is two convolutions and a linear layer. The text network is simpler still: every word has its own
# list of numbers, and a caption is their mean. In each round the network sees one picture of each caption. All cosines
# together are an **18x18 matrix**: a row a picture, a column a caption. The right pairs lie on the diagonal, so
# training means: *make the diagonal large and all the rest small*. In one line, with $s$ the matrix times 10 and the
# softmax along rows and along columns:
#
# $$\text{loss} = -\tfrac12\ \text{mean of}\ \log \text{softmax}_{\text{rows}}(s)_{ii} - \tfrac12\ \text{mean of}\ \log \text{softmax}_{\text{columns}}(s)_{ii}$$
#
# We train twice. The second time a coin decides whether a picture is **mirrored**, and its caption stays as it was.
# What will that network not be able to learn?

# %% pt
# A rede de imagens são duas convoluções e uma camada linear. A de texto é ainda mais simples: cada palavra tem a sua
# lista de números, e a legenda é a média delas. A cada rodada a rede vê uma imagem de cada legenda. Todos os cossenos
# juntos formam uma **matriz 18x18**: uma linha para cada imagem, uma coluna para cada legenda. Os pares certos ficam na
# diagonal; treinar, então, quer dizer: *aumente a diagonal e diminua todo o resto*. Em uma linha, sendo $s$ a matriz
# vezes 10, com o softmax ao longo das linhas e ao longo das colunas:
#
# $$\text{perda} = -\tfrac12\ \text{média de}\ \log \text{softmax}_{\text{linhas}}(s)_{ii} - \tfrac12\ \text{média de}\ \log \text{softmax}_{\text{colunas}}(s)_{ii}$$
#
# Treinamos duas vezes. Na segunda, uma moeda decide se a imagem é **espelhada**, e a legenda fica como estava. O que
# essa rede não vai conseguir aprender?

# %%
words = sorted({word for caption in captions for word in caption.split()})
ids = torch.tensor([[words.index(word) for word in caption.split()] for caption in captions])


class SmallCLIP(nn.Module):
    """Pictures (N, 3, 32, 32) and word numbers (M, 3) -> their cosines (N, M)."""

    def __init__(self):
        super().__init__()
        self.look = nn.Sequential(
            *(nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(32 * 8 * 8, 32)),
        )
        self.read = nn.EmbeddingBag(len(words), 32)

    def forward(self, images, texts):
        return F.normalize(self.look(images), dim=1) @ F.normalize(self.read(texts), dim=1).T


def train(mirror, rounds=300):
    torch.manual_seed(0)
    clip, right, losses = SmallCLIP(), torch.arange(len(captions)), []
    optimizer = torch.optim.Adam(clip.parameters())
    for i in range(rounds):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - i / rounds)  # smaller and smaller steps
        images = torch.stack([shape_picture(one, mirror and dice.random() < 0.5) for one in captions])
        scores = 10 * clip(images, ids)
        loss = (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return clip, losses


untrained, (trained, losses), (mirrored, losses_mirrored) = SmallCLIP(), train(False), train(True)

# %%
new = torch.stack([shape_picture(caption) for caption in captions])
figure, axes = plt.subplots(1, 3, figsize=(12, 4.9), dpi=72, sharey=True)
for axis, clip, title in zip(axes, (untrained, trained, mirrored), "123", strict=True):
    with torch.no_grad():
        axis.imshow(clip(new, ids), vmin=-1, vmax=1, cmap="RdBu_r")
    axis.set_xticks(range(18), captions, rotation=90, fontsize=8)
    axis.set_yticks(range(18), captions, fontsize=8)
    axis.set_title(title)
figure.tight_layout()
plt.show()


def sides(clip):
    """How often the right one of "left" and "right" has the larger cosine, on new pictures."""
    with torch.no_grad():
        found = [clip(torch.stack([shape_picture(c) for c in captions]), ids).unflatten(1, (9, 2)) for _ in range(20)]
    return sum((one[i, i // 2].argmax() == i % 2).item() for one in found for i in range(18)) / (20 * 18)


for title, clip in zip("123", (untrained, trained, mirrored), strict=True):
    print(title, f"left / right: {sides(clip):.0%}")

# %% en
# Red is a large cosine, blue a small one. **Matrix 1** is before training: the pairs are not on the diagonal. **Matrix
# 2** is after training, on new pictures: each picture finds its caption, and pale red spots show what the network finds
# half similar, such as the same colour on the same side. **Matrix 3** saw mirrored pictures: its diagonal is made of
# blocks, because *left* and *right* are one thing for it (and circles and squares lie close together). The percentages
# count how often a new picture prefers the caption with the right side: 50 % is a tossed coin.
#
# The lesson: a network learns what its data distinguish, and nothing else. The large CLIPs, trained on pictures of the
# internet, are weak at left and right for the same reason: captions there rarely say it.

# %% pt
# Vermelho é cosseno grande, azul é cosseno pequeno. A **matriz 1** é de antes do treinamento: os pares não estão na
# diagonal. A **matriz 2** é de depois, com imagens novas: cada imagem encontra a sua legenda, e as manchas em vermelho
# claro mostram o que a rede acha um pouco parecido, como a mesma cor do mesmo lado. A **matriz 3** viu imagens
# espelhadas: a diagonal dela é feita de blocos, porque *left* (esquerda) e *right* (direita) são a mesma coisa para ela
# (e círculos e quadrados ficam perto uns dos outros). As porcentagens contam quantas vezes uma imagem nova prefere a
# legenda com o lado certo: 50 % é cara ou coroa.
#
# Moral da história: uma rede aprende o que os dados dela distinguem, e nada mais. Os CLIPs grandes, treinados com
# imagens da internet, são fracos em esquerda e direita pelo mesmo motivo: lá as legendas raramente dizem isso.

# %% en
# ## 2. Classify and search
#
# pixgen comes with a CLIP that learnt in the same way, from drawings with captions in English and Portuguese. First we
# need pictures. pixgen draws ten small ones; the prompts are in both languages, for it reads both.

# %% pt
# ## 2. Classificar e procurar
#
# O pixgen traz um CLIP que aprendeu do mesmo jeito, com desenhos e legendas em inglês e em português. Primeiro
# precisamos de imagens. O pixgen desenha dez, pequenas; os pedidos estão nas duas línguas, porque ele lê as duas.

# %%
folder = Path(tempfile.mkdtemp())
prompts = {
    "penguin": "a penguin",
    "bear": "a bear",
    "cat": "a cat",
    "apple": "a red apple",
    "guitar": "a guitar",
    "house": "uma casa",
    "sunflower": "um girassol",
    "fish": "um peixe",
    "lighthouse": "um farol",
    "bicycle": "uma bicicleta",
}
files = {}
for name, prompt in prompts.items():
    drawn = pixgen.generate(prompt, preset="draft", seed=1)
    (files[name],) = drawn.save(folder / f"{name}.png")
show(list(files.values()), list(prompts.values()))

# %% en
# **Classification.** We give CLIP a picture and a few labels, and ask which label lies nearest on the map. It was never
# trained for these three classes, which is why it is called *zero-shot* classification: change the list and it
# classifies something else. The softmax turns cosines into probabilities that add up to 100 %.

# %% pt
# **Classificação.** Damos ao CLIP uma imagem e alguns rótulos e perguntamos qual rótulo fica mais perto no mapa. Ele
# nunca foi treinado para estas três classes; por isso o nome *zero-shot* (classificação sem exemplos): mude a lista, e
# ele classifica outra coisa. O softmax transforma os cossenos em probabilidades que somam 100 %.

# %%
animals = [files[name] for name in ("penguin", "bear", "cat")]
for labels in (["penguin", "bear", "cat"], ["pinguim", "urso", "gato"]):
    found = pixgen.classify(animals, labels)
    for one in found:
        print(Path(one.file).name, {label: f"{score:.1%}" for label, score in one.scores.items()})
    figure, axis = plt.subplots(figsize=(3.2, 2.6), dpi=72)
    matrix = torch.tensor([list(one.cosines.values()) for one in found])
    axis.imshow(matrix, cmap="YlGn")
    for (row, column), value in zip(torch.cartesian_prod(torch.arange(3), torch.arange(3)), matrix.flatten()):
        axis.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.5 else "black")
    axis.set_xticks(range(3), labels)
    axis.set_yticks(range(3), [Path(one.file).name for one in found])
    plt.show()

# %% en
# **Search** is the same question the other way round: given a text, which picture lies nearest? The file names play no
# part; CLIP looks at the pixels alone. Look at the numbers, too: a cosine says which picture fits *better*, not whether
# it fits *well*. There is no horse in the folder, and still something comes first.

# %% pt
# **Procurar** é a mesma pergunta ao contrário: dado um texto, qual imagem fica mais perto? Os nomes dos arquivos não
# contam; o CLIP olha só para os pixels. Repare também nos números: o cosseno diz qual imagem combina *mais*, não se ela
# combina *bem*. Não há cavalo nenhum na pasta, e mesmo assim alguma imagem vem em primeiro lugar (*a horse* é um cavalo).

# %%
for text in ("a yellow flower", "um urso marrom", "a horse"):
    matches = pixgen.search(folder, text, count=5)
    print(text)
    show([match.file for match in matches], [f"{match.score:.2f}" for match in matches])

# %% en
# ## 3. An alphabet for pictures
#
# To draw, we need something that makes pictures. A **VQGAN** writes a picture with an alphabet of its own. It cuts it
# into squares of 8x8 pixels and writes one **code** for each, a number that stands for "an edge like this", "plain sky"
# and so on. A picture of 128x128 pixels is then a page of 16x16 codes. Its *encoder* writes the page, its *decoder*
# reads it and paints.
#
# Below: a picture; the same one written and read again; four codes of the beak changed; and what changed (enlarged).
# Each code paints its own place, with a bit of influence on its neighbours, so that no seams show.

# %% pt
# ## 3. Um alfabeto para imagens
#
# Para desenhar, precisamos de algo que faça imagens. Uma **VQGAN** escreve imagens com um alfabeto próprio. Ela corta a
# imagem em quadrados de 8x8 pixels e escreve um **código** para cada um, um número que quer dizer "uma borda assim",
# "céu liso" e por aí vai. Uma imagem de 128x128 pixels vira uma página de 16x16 códigos. O *codificador* escreve a
# página; o *decodificador* a lê e pinta.
#
# Abaixo: uma imagem; a mesma, escrita e lida de volta; a mesma com quatro códigos do bico trocados; e o que mudou
# (realçado). Cada código pinta o seu lugar e influencia um pouco os vizinhos, para que não apareçam emendas.

# %%
models = pair.load(device=device)
penguin = pictures.read(files["penguin"]).to(device)
codes = models.codes(penguin)
print(codes[0, 6:9])

changed = codes.clone()
changed[0, 5:7, 7:9] = models.codes(pictures.read(files["apple"]).to(device))[0, 8, 8]
before, after = models.decode(codes), models.decode(changed)
show([penguin[0], before[0], after[0], 3 * (after - before)[0].abs()], columns=4)

# %% en
# **Are all pages pictures?** Let us roll dice: a random code in every place (first row). It is a page full of letters,
# but not a text. A GAN is different: whatever random numbers go in, its training made sure that something like a
# picture comes out. A VQGAN only learnt to paint pages that were written from pictures, and nearly all pages are
# nonsense. So **something has to guide it**, and there are two ways:
#
# - a second network that learnt how codes follow one another, as a phone guesses the next word (second row: pages
#   sampled for "a penguin", "a bear", "a cat"; wobbly, but one sees what was meant). This is the way of DALL-E;
# - CLIP, which says at every step in which direction the page should change. This is our loop, in part 5.

# %% pt
# **Toda página é uma imagem?** Vamos jogar dados: um código ao acaso em cada lugar (primeira linha). É uma página cheia
# de letras, mas não é um texto. Com uma GAN é diferente: quaisquer que sejam os números aleatórios na entrada, o
# treinamento garantiu que saia algo parecido com uma imagem. A VQGAN só aprendeu a pintar páginas escritas a partir de
# imagens, e quase todas as páginas possíveis não fazem sentido. Por isso **alguém precisa guiá-la**, e há dois jeitos:
#
# - uma segunda rede, que aprendeu como os códigos se seguem, como o celular que adivinha a próxima palavra (segunda
#   linha: páginas sorteadas por ela para "um pinguim", "um urso", "um gato"; tortas, mas dá para ver o que são). É o
#   caminho do DALL-E;
# - o CLIP, que diz a cada passo para que lado a página deve mudar. É o nosso laço, na parte 5.

# %%
rolled = torch.Generator().manual_seed(0)
noise = torch.randint(models.vqgan.token_codes, (3, 16, 16), generator=rolled)
sampled = [
    models.from_text([text], 1, guidance=2.0, temperature=0.8, generator=rolled)
    for text in ("a penguin", "a bear", "a cat")
]
show([*models.decode(noise), *models.decode(torch.cat(sampled))], columns=3)

# %% en
# ## 4. The critic
#
# Where does the "GAN" in VQGAN come from? While the VQGAN learnt to paint, a second network, the **discriminator**,
# learnt to tell true pictures from painted ones. It does not judge the whole picture but every small patch of it: *is
# this sharp, is this how a drawing looks here?* The VQGAN had to please it, and so became crisp.
#
# First row: a true drawing, the same painted by the VQGAN, the same blurred, random codes. Second row: the critic's
# verdict, patch by patch; red is "true", blue is "painted". See how nearly the copy convinces it, except at the sun.

# %% pt
# ## 4. O crítico
#
# De onde vem o "GAN" de VQGAN? Enquanto a VQGAN aprendia a pintar, uma segunda rede, o **discriminador**, aprendia a
# distinguir imagens verdadeiras de imagens pintadas. Ele não julga a imagem inteira, e sim cada pedacinho dela: *isto
# está nítido, um desenho é mesmo assim aqui?* A VQGAN tinha de agradar a ele, e assim ficou nítida.
#
# Primeira linha: um desenho verdadeiro, o mesmo pintado pela VQGAN, o mesmo desfocado, códigos ao acaso. Segunda linha:
# o veredito do discriminador, pedaço por pedaço; vermelho é "verdadeiro", azul é "pintado". Veja como a cópia quase o
# convence, menos no sol.

# %%
drawing = Image.new("RGB", (512, 512), "lightblue")
pen = ImageDraw.Draw(drawing)
pen.polygon([(90, 250), (256, 100), (422, 250)], fill="firebrick")
pen.rectangle((130, 250, 382, 430), fill="khaki")
pen.rectangle((220, 310, 292, 430), fill="saddlebrown")
pen.ellipse((390, 40, 470, 120), fill="gold")
pen.rectangle((0, 430, 512, 512), fill="seagreen")
drawing = drawing.resize((128, 128), Image.Resampling.LANCZOS)

critic = Discriminator()
critic.load_state_dict(store.read(resources.embedded() / "discriminator.safetensors", "discriminator")[0])
true = pictures.read(drawing).to(device)
blurred = pictures.read(drawing.filter(ImageFilter.GaussianBlur(2))).to(device)
judged = torch.cat([true, models.decode(models.codes(true)), blurred, models.decode(noise[:1])]).cpu()
with torch.no_grad():
    verdicts = critic(judged)
print([f"{verdict:.1f}" for verdict in verdicts.mean((1, 2, 3))])
colours = [torch.from_numpy(plt.get_cmap("RdBu_r")((v[0] / 6 + 0.5).numpy()))[..., :3].movedim(-1, 0) for v in verdicts]
show([*judged, *colours], columns=4)

# %% en
# ## 5. The loop, in thirty lines
#
# Now the pieces come together. The idea is the game "hot and cold". We start with a page of codes that shows nothing.
# The VQGAN paints it, CLIP says how far the picture is from the words, and, because everything is made of functions
# that can be differentiated, it also says **how each number should change to come a little nearer** (the gradient). We
# take a small step and start again.
#
# CLIP does not look at the picture once but at ten **views** of it, shifted and turned a little. Otherwise the loop finds
# tricks, pictures that please CLIP from exactly one position and show nothing to us. It begins with 64x64 pixels, so
# that there is room for one thing only, and goes on at 128x128.

# %% pt
# ## 5. O laço, em trinta linhas
#
# Agora as peças se juntam. A ideia é a brincadeira do "quente ou frio". Começamos com uma página de códigos que não
# mostra nada. A VQGAN a pinta, o CLIP diz a que distância a imagem está das palavras e, como tudo é feito de funções
# que podem ser derivadas, diz também **como cada número deve mudar para chegar um pouco mais perto** (o gradiente).
# Damos um pequeno passo e recomeçamos.
#
# O CLIP não olha a imagem uma vez só: olha dez **vistas** dela, um pouco deslocadas e giradas. Senão o laço descobre
# truques, imagens que agradam ao CLIP vistas de uma única posição e que, para nós, não mostram nada. Ele começa com
# 64x64 pixels, onde só há espaço para uma coisa, e continua com 128x128.

# %%
generator = registry.create("generator", {"type": "vqgan", "init_from": "gradient"})
perceptor = registry.create("perceptor", {"type": "tiny"})
cutter = registry.create("cutter", {"type": "warp", "whole": 0.7, "min_size": 0.75})
generator.prepare(device)
perceptor.prepare(device)


def loop(prompt, seed=0, views=10, stages=((64, 60), (128, 60)), lr=0.05):
    streams, film, losses = Streams(seed), [], []
    text = perceptor.encode_text([prompt])
    target = F.normalize(text + 0.5 * perceptor.image_target(text), dim=-1)
    params = generator.init((64, 64), streams)
    for side, steps in stages:
        with torch.no_grad():
            latent = generator.resize(params, (side, side))["latent"].clone().requires_grad_()
        optimizer = torch.optim.Adam([latent], lr=lr)
        for _ in range(steps):
            image = generator.decode({"latent": latent})  # paint
            plan = cutter.plan((side, side), views, perceptor.input_size, len(losses), [streams], "tiny")
            seen = perceptor.encode_image(cutter.cut(image, plan).flatten(0, 1))  # look
            rough = image.diff(dim=2).square().mean() + image.diff(dim=3).square().mean()
            loss = (1 - seen @ target.T).mean() + 0.3 * rough  # how far from the words?
            optimizer.zero_grad()
            loss.backward()  # which way is nearer?
            optimizer.step()  # a small step
            with torch.no_grad():
                generator.project_({"latent": latent})
            if len(losses) % 24 == 0:
                film.append(image[0].detach())
            losses.append(loss.item())
        params = {"latent": latent.detach()}
    return [*film, generator.decode(params)[0]], losses


film, losses = loop("a red apple", seed=1)
show(film, columns=6)
figure, axis = plt.subplots(figsize=(5, 2), dpi=72)
axis.plot(losses)
plt.show()

# %% en
# From a smear of colours to something red and round with a stem. It is not in the middle, for nothing in the loss asks
# for that, and CLIP is content. With another seed you get another picture, sometimes a worse one: the small CLIP knows
# few things, and a start from nothing is hard. The curve falls fast at first and slowly afterwards. `pixgen.generate` runs the same loop, with better starts, averages and more losses: it
# begins with drawings that fit the words, which is why the pictures of part 2 are cleaner.

# %% pt
# De uma mancha de cores até algo vermelho e redondo com um cabinho. Não está no meio, porque nada na perda pede isso, e
# o CLIP já fica satisfeito. Com outra semente (*seed*) sai outra imagem, às vezes pior: o CLIP pequeno conhece poucas
# coisas, e partir do nada é difícil. A curva cai depressa no começo e devagar depois. O `pixgen.generate` executa o mesmo laço com começos melhores, médias e mais perdas: ele parte de
# desenhos que combinam com as palavras; por isso as imagens da parte 2 são mais limpas.

# %% en
# ## 6. Three teachers, three ways
#
# - **VQGAN + CLIP**: the loop, which starts here from a composed portrait.
# - **DALL-E 1**: no loop. A network reads the text and writes the page code by code; CLIP picks the best of 16 pages.
# - **DALL-E 2**: first a network (the *prior*) imagines the point on CLIP's map where a picture of this text would lie;
#   then another writes a page for that point.
#
# Row by row: a young man who teaches literature, in watercolour; a young woman who teaches computer science, in oil; an
# old man who teaches mathematics, in oil.

# %% pt
# ## 6. Três professores, três caminhos
#
# - **VQGAN + CLIP**: o laço, que aqui parte de um retrato montado com peças.
# - **DALL-E 1**: sem laço. Uma rede lê o texto e escreve a página, código por código; o CLIP escolhe a melhor de 16.
# - **DALL-E 2**: primeiro uma rede (a *prior*) imagina o ponto do mapa do CLIP em que ficaria uma imagem desse texto;
#   depois outra escreve uma página para esse ponto.
#
# Linha por linha: um professor jovem de literatura, em aquarela; uma professora jovem de informática, a óleo; um
# professor idoso de matemática, a óleo.

# %%
teachers = (
    "a closeup watercolor portrait of a young male teacher of literature with a book",
    "a closeup oil portrait of a young female teacher of computer science with a computer",
    "a closeup oil portrait of an old male teacher of mathematics in front of a blackboard",
)
methods = {"loop": "VQGAN + CLIP", "dalle1": "DALL-E 1", "dalle2": "DALL-E 2"}
drawn = [
    pixgen.generate(teacher, method=method, size=128, seed=3 if method == "loop" else 0).images[0]
    for teacher in teachers
    for method in methods
]
show(drawn, list(methods.values()), columns=3, side=2.4)

# %% en
# Be honest about what you see: these networks are more than a thousand times smaller than those you know from the internet, and
# 128 pixels are few. The loop, which was given a portrait, keeps a face. DALL-E's two ways put a
# head and shoulders in the right place, now and then with glasses or a book, and get the faces wrong. Which of the three would gain most from a larger network?

# %% pt
# Seja honesto com o que vê: estas redes são mais de mil vezes menores que as que você conhece da internet, e 128 pixels
# são poucos. O laço, que recebeu um retrato, conserva um rosto. Os dois caminhos do DALL-E põem a
# cabeça e os ombros no lugar certo, às vezes com óculos ou um livro, e erram os rostos. Qual dos três ganharia mais com uma rede maior?

# %% en
# ## 7. Exercises
#
# Try each one in a new cell before you open its solution.
#
# **1.** Before training, the small CLIP of part 1 can only guess among 18 captions. What loss do you expect? Compare it
# with `losses` of a training, at its first and its last round. And what is the lowest loss that a network can reach
# which cannot tell left from right?
#
# <details><summary>Solution</summary>
#
# Whoever gives each caption the probability 1/18 has the loss $\log 18 \approx 2.89$. An untrained network is a little
# worse, for it guesses with some conviction. The mirrored network can only reduce the choice to two captions and toss a
# coin between them: $\log 2 \approx 0.69$, which the training comes near.
#
# ```python
# import math
#
# print(math.log(18), math.log(2))
# print(losses_mirrored[0], losses_mirrored[-1])
# ```
#
# </details>
#
# **2.** Classify the penguin with labels none of which is right: car, house, guitar. What does CLIP answer, and what
# should you think of the percentage?
#
# <details><summary>Solution</summary>
#
# The probabilities add up to 100 % whatever the picture shows: CLIP says which label fits *better than the others*. The
# cosines are lower than with the right label.
#
# ```python
# (found,) = pixgen.classify(files["penguin"], ["car", "house", "guitar"])
# print(found.scores)
# print(found.cosines)
# ```
#
# </details>
#
# **3.** A page has 16x16 codes out of 1,024. How many pages are there? How many bytes does one take, and how many the
# picture of 128x128 pixels with three bytes each?
#
# <details><summary>Solution</summary>
#
# $1024^{256} = 2^{2560} \approx 10^{770}$ pages. A code takes 10 bits, a page 2,560 bits or 320 bytes, the picture
# 49,152: about 150 times as much. (The VQGAN of pixgen also has 15,360 finer codes, which encoding uses.)
#
# ```python
# print(len(str(1024**256)) - 1, 16 * 16 * 10 // 8, 128 * 128 * 3)
# ```
#
# </details>
#
# **4.** Search the folder by picture instead of by text, with the cat. Which ones come next, and why?
#
# <details><summary>Solution</summary>
#
# The picture finds itself with a cosine of 1. What follows is often alike in colour or outline, not only in kind.
#
# ```python
# matches = pixgen.search(folder, by_image=files["cat"], count=4)
# show([match.file for match in matches], [f"{match.score:.2f}" for match in matches])
# ```
#
# </details>
#
# **5.** Let the loop look once at each step instead of ten times (`views=1`). Is the loss at the end lower or higher,
# and the picture better or worse?
#
# <details><summary>Solution</summary>
#
# The loss at the end is lower, but the picture is rougher and no more of an apple than the one above: the loop has
# pleased CLIP from one position and not from the others. A low loss is not yet a good picture; it depends on what is
# measured.
#
# ```python
# film, losses = loop("a red apple", seed=1, views=1)
# show(film, columns=6)
# ```
#
# </details>

# %% pt
# ## 7. Exercícios
#
# Tente cada um em uma célula nova antes de abrir a solução.
#
# **1.** Antes do treinamento, o pequeno CLIP da parte 1 só pode chutar entre 18 legendas. Que perda você espera?
# Compare com as perdas de um treinamento, na primeira e na última rodada. E qual é a menor perda possível para uma rede
# que não distingue esquerda de direita?
#
# <details><summary>Solução</summary>
#
# Quem dá a cada legenda a probabilidade 1/18 tem perda $\log 18 \approx 2{,}89$. Uma rede sem treino vai um pouco pior,
# porque chuta com alguma convicção. A rede espelhada só consegue reduzir a escolha a duas legendas e tirar cara ou
# coroa entre elas: $\log 2 \approx 0{,}69$, de que o treinamento chega perto.
#
# ```python
# import math
#
# print(math.log(18), math.log(2))
# print(losses_mirrored[0], losses_mirrored[-1])
# ```
#
# </details>
#
# **2.** Classifique o pinguim com rótulos em que nenhum está certo: carro, casa, violão. O que o CLIP responde, e o que
# pensar da porcentagem?
#
# <details><summary>Solução</summary>
#
# As probabilidades somam 100 % seja qual for a imagem: o CLIP diz qual rótulo combina *mais do que os outros*. Os
# cossenos são menores do que com o rótulo certo.
#
# ```python
# (found,) = pixgen.classify(files["penguin"], ["car", "house", "guitar"])
# print(found.scores)
# print(found.cosines)
# ```
#
# </details>
#
# **3.** Uma página tem 16x16 códigos, cada um entre 1.024. Quantas páginas existem? Quantos bytes uma ocupa, e quantos
# a imagem de 128x128 pixels com três bytes cada um?
#
# <details><summary>Solução</summary>
#
# $1024^{256} = 2^{2560} \approx 10^{770}$ páginas. Um código ocupa 10 bits; uma página, 2.560 bits, ou 320 bytes; a
# imagem, 49.152: cerca de 150 vezes mais. (A VQGAN do pixgen tem ainda 15.360 códigos mais finos, que a codificação
# usa.)
#
# ```python
# print(len(str(1024**256)) - 1, 16 * 16 * 10 // 8, 128 * 128 * 3)
# ```
#
# </details>
#
# **4.** Procure na pasta por imagem em vez de por texto, com o gato. Quais vêm em seguida, e por quê?
#
# <details><summary>Solução</summary>
#
# A imagem encontra a si mesma com cosseno 1. O que vem depois costuma se parecer na cor ou no contorno, não só no
# assunto.
#
# ```python
# matches = pixgen.search(folder, by_image=files["cat"], count=4)
# show([match.file for match in matches], [f"{match.score:.2f}" for match in matches])
# ```
#
# </details>
#
# **5.** Faça o laço olhar uma vez por passo em vez de dez (`views=1`). No fim, a perda é menor ou maior? E a imagem,
# melhor ou pior?
#
# <details><summary>Solução</summary>
#
# No fim a perda é menor, mas a imagem é mais áspera e não parece mais maçã do que a de cima: o laço agradou ao CLIP em
# uma posição, e não nas outras. Perda baixa ainda não é imagem boa; depende do que se mede.
#
# ```python
# film, losses = loop("a red apple", seed=1, views=1)
# show(film, columns=6)
# ```
#
# </details>
