"""The text side of a small family: a vocabulary grown from the renderer's own captions."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tokenizers import Tokenizer, models, trainers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"


def caption_tokenizer(
    captions: Iterable[str], *, vocabulary: int = 768, tokens: int = 40
) -> CLIPTokenizer:
    """A CLIP tokenizer (lower case, byte-level pair encoding) learned from captions.

    Any text can be encoded: words that no caption has fall apart into bytes. `vocabulary` bounds
    the number of tokens, `tokens` the length that prompts are padded and cut to.
    """
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    reader = CLIPTokenizer().backend_tokenizer
    learner.normalizer, learner.pre_tokenizer = reader.normalizer, reader.pre_tokenizer
    alphabet = ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 2,
        show_progress=False,
        initial_alphabet=sorted(alphabet),
        end_of_word_suffix="</w>",
    )
    learner.train_from_iterator(captions, trainer)
    merges = _merges(learner)
    # Numbered anew: the learner's own numbers of word ends differ from one run to the next. Every
    # byte also ends words, so that no text has an unknown token.
    letters = sorted(alphabet)
    pieces = [*letters, *(f"{byte}</w>" for byte in letters), *map("".join, merges)]
    vocab = {piece: index for index, piece in enumerate([START, END, *pieces])}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=tokens)


def _merges(learner: Tokenizer) -> list[tuple[str, str]]:
    merges = json.loads(learner.to_str())["model"]["merges"]
    return [
        tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in merges
    ]
