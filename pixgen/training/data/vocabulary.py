"""The vocabulary of the captions: byte pairs for the text tower, and whole words for warnings of unknown ones."""

from __future__ import annotations

import random

from tokenizers import Tokenizer

from pixgen.scenery.captions import write
from pixgen.training.data.scenes import Scenes


def learn_vocabulary(scenes: Scenes, size: int, count: int) -> tuple[Tokenizer, list[str]]:
    """A byte-pair tokenizer of the captions and the sorted list of whole words in them. Always the same.

    size: of the byte-pair vocabulary. count: captions that it is learnt from, besides the names of all subjects.
    """
    from tokenizers.models import BPE
    from tokenizers.normalizers import NFC, Lowercase, Sequence
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.trainers import BpeTrainer

    rng = random.Random(0)
    names = [n for s in scenes.subjects.values() for n in (*s.en, *s.pt)]
    captions = [write(scenes.sketch(rng).scene, rng, i % 3 == 0) for i in range(count)] + names * 3
    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
    tokenizer.normalizer = Sequence([NFC(), Lowercase()])
    tokenizer.pre_tokenizer = Whitespace()
    letters = list("abcdefghijklmnopqrstuvwxyz0123456789")
    trainer = BpeTrainer(
        vocab_size=size, special_tokens=["[PAD]", "[UNK]"], initial_alphabet=letters, show_progress=False
    )
    tokenizer.train_from_iterator(captions, trainer)
    return tokenizer, sorted({w.strip(",.#") for c in captions for w in c.lower().split()})
