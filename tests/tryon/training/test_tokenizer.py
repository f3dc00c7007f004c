"""The vocabulary that captions make."""

from __future__ import annotations

from pathlib import Path

from transformers import CLIPTokenizer

from tryon.training.tokenizer import caption_tokenizer

CAPTIONS = ("a white t-shirt with red stripes, short sleeves", "a long blue dress") * 3


def test_known_words_are_one_token_and_all_others_can_be_written() -> None:
    tokenizer = caption_tokenizer(CAPTIONS, vocabulary=600)
    assert tokenizer.tokenize("a WHITE dress") == ["a</w>", "white</w>", "dress</w>"]
    strange = tokenizer.tokenize("zébra 漢")
    assert tokenizer.unk_token not in strange
    assert tokenizer.decode(tokenizer("zébra").input_ids, skip_special_tokens=True) == "zébra"


def test_a_saved_tokenizer_says_the_same(tmp_path: Path) -> None:
    tokenizer = caption_tokenizer(CAPTIONS, vocabulary=600, tokens=12)
    tokenizer.save_pretrained(tmp_path)
    loaded = CLIPTokenizer.from_pretrained(tmp_path)
    text = "a blue zebra, striped; with sleeves"
    assert loaded(text).input_ids == tokenizer(text).input_ids
    padded = loaded("a dress", padding="max_length", truncation=True).input_ids
    assert len(padded) == 12
    assert padded[0] == loaded.bos_token_id
    assert padded.count(loaded.eos_token_id) == 12 - 3


def test_the_same_captions_make_the_same_numbers() -> None:
    """Letters first, then letters that end words, then what was merged."""
    first, second = (caption_tokenizer(CAPTIONS, vocabulary=600).get_vocab() for _ in range(2))
    assert first == second
    pieces = sorted(first, key=first.__getitem__)
    letters, endings = pieces[2:258], pieces[258:514]
    assert letters == sorted(letters) and endings == [f"{letter}</w>" for letter in letters]
    assert all(len(piece.removesuffix("</w>")) > 1 for piece in pieces[514:])
