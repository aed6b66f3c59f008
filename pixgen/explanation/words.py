"""What the page of an explanation says, in English and Portuguese: a title and two sentences for each part."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "heading": "How this picture came",
        "heading_maps": "What the networks see in this picture",
        "frames": "Step by step",
        "frames_1": "Each frame shows the picture after some of its {steps} steps. Every step changes the picture a "
        "little, so that CLIP finds it more like the words.",
        "frames_once": "This picture was not optimised step by step. DALL-E's networks chose all its codes in one go, "
        "so there is a single frame.",
        "frame": "step {step}",
        "losses": "The losses",
        "losses_1": "A loss is a number that says how far the picture is from what is wanted, and lower is better. "
        "Every step moves the picture a little downhill on the weighted sum of these curves.",
        "cutouts": "What CLIP is shown",
        "cutouts_1": "CLIP never judges the picture itself but random cutouts of it, turned, stretched and coloured a "
        "little; here are {shown} of the {total} of step {step}. What pleases CLIP in all of them is a thing that can "
        "be seen, and not a trick of single pixels.",
        "cutouts_none": "No loss of this run looked at cutouts. So there are none to show.",
        "maps": "Where CLIP finds the words",
        "maps_1": "CLIP was shown one window of the picture after another, and bright places are those that it "
        "found most like the word. Dark places fit the word less well than the rest, or fit the other words better.",
        "maps_none": "There is no word to look for. Give some with --prompt.",
        "prompt": "the whole prompt",
        "codes": "The codes, one by one",
        "codes_1": "The VQGAN writes this picture as {rows} rows of {columns} numbers, each the name of one of "
        "{codebook} patterns in its codebook; {used} of them occur. On the mosaic every code is drawn by itself, "
        "without its neighbours, and below are the most frequent ones with the places where they stand.",
        "codes_none": "The generator {generator} does not write pictures as codes. So there are none to show.",
        "code": "code {code}, {count} times",
        "mosaic": "each code drawn by itself",
        "together": "the codes drawn together",
        "patches": "What looks real",
        "patches_1": "The patch discriminator learnt to tell real pictures from those that the VQGAN draws, patch by "
        "patch, and takes {share} of these patches for real. Blue ones look more real to it than most of this picture, "
        "red ones less.",
        "not_ours": "It was not drawn by pixgen from a prompt, so how it came is not known; here is what the networks "
        "see in it.",
        "not_again": "It could not be drawn again, so here is only what the networks see in it: {why}",
        "described": "Nobody said what it shows; pixgen describe reads it as:",
        "facts": "{size} pixels, seed {seed}, {done} of {planned} steps, generator {generator}",
        "lowest": "from {first} to {last}",
    },
    "pt": {
        "heading": "Como esta imagem nasceu",
        "heading_maps": "O que as redes veem nesta imagem",
        "frames": "Passo a passo",
        "frames_1": "Cada quadro mostra a imagem depois de alguns dos seus {steps} passos. Cada passo muda a imagem um "
        "pouco, para que o CLIP a ache mais parecida com as palavras.",
        "frames_once": "Esta imagem não foi otimizada passo a passo. As redes do DALL-E escolheram todos os códigos de "
        "uma vez, por isso há um só quadro.",
        "frame": "passo {step}",
        "losses": "As perdas",
        "losses_1": "Uma perda é um número que diz quão longe a imagem está do que se quer, e quanto menor, melhor. "
        "Cada passo leva a imagem um pouco para baixo na soma ponderada destas curvas.",
        "cutouts": "O que se mostra ao CLIP",
        "cutouts_1": "O CLIP nunca julga a imagem inteira, e sim recortes aleatórios dela, um pouco girados, esticados "
        "e recoloridos; aqui estão {shown} dos {total} do passo {step}. O que agrada ao CLIP em todos eles é algo que "
        "se pode ver, e não um truque de alguns pixels.",
        "cutouts_none": "Nenhuma perda desta execução olhou para recortes. Por isso não há o que mostrar.",
        "maps": "Onde o CLIP encontra as palavras",
        "maps_1": "Mostrou-se ao CLIP uma janela da imagem depois da outra, e são claros os lugares que ele "
        "achou mais parecidos com a palavra. Os lugares escuros combinam menos com a palavra do que o resto, ou "
        "combinam mais com as outras palavras.",
        "maps_none": "Não há palavra para procurar. Diga algumas com --prompt.",
        "prompt": "o prompt inteiro",
        "codes": "Os códigos, um por um",
        "codes_1": "A VQGAN escreve esta imagem como {rows} linhas de {columns} números, cada um o nome de um dos "
        "{codebook} padrões do seu dicionário; {used} deles aparecem. No mosaico cada código é desenhado sozinho, sem "
        "os vizinhos, e abaixo estão os mais frequentes, com os lugares onde ficam.",
        "codes_none": "O gerador {generator} não escreve imagens como códigos. Por isso não há o que mostrar.",
        "code": "código {code}, {count} vezes",
        "mosaic": "cada código desenhado sozinho",
        "together": "os códigos desenhados juntos",
        "patches": "O que parece real",
        "patches_1": "O discriminador de retalhos aprendeu a distinguir, retalho por retalho, imagens reais das que a "
        "VQGAN desenha, e toma {share} destes retalhos por reais. Os azuis lhe parecem mais reais do que a maior parte "
        "desta imagem, os vermelhos menos.",
        "not_ours": "Ela não foi desenhada pelo pixgen a partir de um prompt, por isso não se sabe como nasceu; aqui "
        "está o que as redes veem nela.",
        "not_again": "Não foi possível desenhá-la de novo, por isso aqui está só o que as redes veem nela: {why}",
        "described": "Ninguém disse o que ela mostra; o pixgen describe a lê como:",
        "facts": "{size} pixels, semente {seed}, {done} de {planned} passos, gerador {generator}",
        "lowest": "de {first} a {last}",
    },
}
"""Language -> key -> text; `{name}` stands for what changes, and both languages have the same."""
