"""A stored atlas is used, exactly as it was, as long as it is of these photos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tryon.catalog import Catalog
from tryon.errors import CatalogError
from tryon.garment_store import atlas_bytes, atlas_key, catalogued_garment, read_atlas, store_atlas
from tryon.perception import Perception, load_perception


@pytest.fixture(scope="module")
def perception() -> Perception:
    return load_perception()


@pytest.fixture(scope="module")
def catalog(
    tmp_path_factory: pytest.TempPathFactory, shirt: Path, perception: Perception
) -> Catalog:
    catalog = Catalog(tmp_path_factory.mktemp("garments"))
    entry = catalog.add("shirt", [shirt], caption="a red shirt with a white stripe")
    store_atlas(perception, catalog, entry)
    return catalog


def test_the_stored_atlas_is_the_computed_one(catalog: Catalog, perception: Perception) -> None:
    computed = catalogued_garment(perception, catalog, catalog.get("shirt")).atlas
    stored = read_atlas(atlas_bytes(computed), "x.npz")
    assert stored.category == "upper"
    for one, other in zip(computed.layers, stored.layers, strict=True):
        assert one.side == other.side
        for name in ("image", "alpha", "places", "coverage", "confidence"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_a_stored_atlas_spares_the_nets(catalog: Catalog) -> None:
    entry = catalog.get("shirt")
    assert entry.category == "upper"
    garment = catalogued_garment(None, catalog, entry)  # type: ignore[arg-type]
    assert garment.atlas.rgba()[..., 3].any()
    assert garment.photo.size == (384, 512)


def test_other_photos_or_another_category_are_looked_at_again(catalog: Catalog) -> None:
    entry = catalog.get("shirt")
    other_photo = replace(entry.photos[0], key="of another picture")
    for changed in (
        replace(entry, photos=(other_photo,)),
        replace(entry, category="dress"),
        replace(entry, photos=(replace(entry.photos[0], kind="flat-lay"),)),
    ):
        assert atlas_key(changed) != atlas_key(entry)
        with pytest.raises(AttributeError):  # no nets are there to look with
            catalogued_garment(None, catalog, changed)  # type: ignore[arg-type]


def test_a_broken_atlas_names_its_file(catalog: Catalog) -> None:
    for content in (b"", b"PK", atlas_bytes.__name__.encode()):
        with pytest.raises(CatalogError, match="x.npz: not a stored atlas"):
            read_atlas(content, "x.npz")


def test_several_photos_make_one_atlas(tmp_path: Path, shirt: Path, perception: Perception) -> None:
    catalog = Catalog(tmp_path)
    closer = Image.open(shirt).crop((10, 60, 374, 460))
    entry = catalog.add("shirt", [shirt, closer], kinds=["flat-lay", "flat-lay"])
    entry, garment = store_atlas(perception, catalog, entry)
    assert len(garment.atlas.layers) == 2
    assert garment.key not in {photo.key for photo in entry.photos}
    assert len(catalogued_garment(None, catalog, entry).atlas.layers) == 2  # type: ignore[arg-type]
