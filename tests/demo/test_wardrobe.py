from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.demo.fake_engine import photo_of
from tryon.catalog import Catalog
from tryon.demo.wardrobe import Wardrobe

EXAMPLES = Path(__file__).resolve().parents[2] / "demo" / "examples"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(tmp_path / "catalogue")
    catalog.add("linen-1", [photo_of(30, tmp_path, (600, 800))], category="upper")
    catalog.add("skirt-1", [photo_of(60, tmp_path)], category="lower")
    return catalog


def test_examples_that_are_shipped(tmp_path: Path) -> None:
    wardrobe = Wardrobe(EXAMPLES, tmp_path)
    assert len(wardrobe.people) >= 3
    garments = wardrobe.garments()
    assert {choice.category for choice in garments} == {"upper", "lower", "dress"}
    assert len({choice.name for choice in garments}) == len(garments)
    for path in [*wardrobe.people, *(choice.picture for choice in garments)]:
        with Image.open(path) as picture:
            assert picture.width * 4 == picture.height * 3
        assert Path(path).stat().st_size < 250_000


def test_the_catalogue_comes_first_and_by_category(tmp_path: Path, catalog: Catalog) -> None:
    wardrobe = Wardrobe(EXAMPLES, tmp_path / "thumbnails", catalog)
    first, second, *_ = wardrobe.garments()
    assert (first.name, first.source) == ("linen-1", "sku:linen-1")
    assert second.category == "lower"
    assert max(Image.open(first.picture).size) == 512
    assert [choice.name for choice in wardrobe.garments("lower")][0] == "skirt-1"
    assert wardrobe.named("skirt-1") == second and wardrobe.named("nowhere") is None


def test_search_by_sku_words_and_kind_in_either_language(tmp_path: Path, catalog: Catalog) -> None:
    catalog.add("jk-9", [photo_of(90, tmp_path)], category="upper", caption="a Red denim jacket")
    wardrobe = Wardrobe(EXAMPLES, tmp_path / "thumbnails", catalog)

    def found(words: str, category: str = "all") -> list[str]:
        return [choice.name for choice in wardrobe.found(category, words).choices]

    assert found("linen") == ["linen-1"]
    assert found("DENIM red") == found("jk jacket") == ["jk-9"]
    assert found("denim linen") == []
    assert found("bottom") == found("하의") == ["skirt-1", "check", "navy"]
    assert found("skirt", "upper") == []
    assert found("", "lower") == ["skirt-1", "check", "navy"]


def test_of_a_large_catalogue_the_first_are_shown_and_the_others_found(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tryon.demo.wardrobe.SHOWN", 1)
    wardrobe = Wardrobe(EXAMPLES, tmp_path / "thumbnails", catalog)
    everything = wardrobe.found()
    assert [choice.name for choice in everything.choices] == ["linen-1"]
    assert everything.total == len(wardrobe.names()) == 2 + len(wardrobe.example_garments)
    assert len(list((tmp_path / "thumbnails").iterdir())) == 1, "no picture is made in vain"
    assert [choice.name for choice in wardrobe.found(words="skirt-1").choices] == ["skirt-1"]
    assert wardrobe.named("skirt-1") is not None


def test_a_garment_of_the_catalogue_stands_for_an_example_of_its_name(
    tmp_path: Path, catalog: Catalog
) -> None:
    catalog.add("flowers", [photo_of(90, tmp_path)], category="upper")
    wardrobe = Wardrobe(EXAMPLES, tmp_path / "thumbnails", catalog)
    (only,) = wardrobe.found(words="flowers").choices
    named = wardrobe.named("flowers")
    assert named is not None and named.source == only.source == "sku:flowers"
    assert wardrobe.names().count("flowers") == 1


def test_a_new_garment_is_seen_and_a_broken_one_left_out(tmp_path: Path, catalog: Catalog) -> None:
    wardrobe = Wardrobe(tmp_path / "none", tmp_path / "thumbnails", catalog)
    assert len(wardrobe.garments()) == 2
    catalog.add("new", [photo_of(90, tmp_path)])
    shutil.rmtree(tmp_path / "catalogue" / "skirt-1" / "photos")
    shutil.rmtree(tmp_path / "thumbnails")
    assert [choice.name for choice in wardrobe.garments()] == ["linen-1", "new"]


def test_loras_are_those_of_the_family(tmp_path: Path, catalog: Catalog) -> None:
    catalog.set_lora("linen-1", b"weights", base="mini")
    wardrobe = Wardrobe(tmp_path / "none", tmp_path / "thumbnails", catalog)
    assert wardrobe.loras("mini") == ["sku:linen-1"]
    assert wardrobe.loras("sd15") == []
    assert Wardrobe(tmp_path, tmp_path).loras("mini") == []
