"""The catalogue: what comes in comes out, two writers lose nothing, names cannot escape."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image

from tryon.catalog import Catalog
from tryon.catalog_record import (
    CatalogAtlas,
    CatalogGarment,
    CatalogLora,
    CatalogPhoto,
    from_toml,
    to_toml,
)
from tryon.errors import CatalogConflictError, CatalogError, ImageNotFoundError, SkuNotFoundError


@pytest.fixture(params=["file", "memory"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Catalog:
    url = f"memory://{uuid4().hex}" if request.param == "memory" else tmp_path / "garments"
    return Catalog(url, cache=tmp_path / "cache")


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.arange(64 * 48 * 3, dtype=np.uint8).reshape(64, 48, 3))


def test_a_garment_comes_out_as_it_went_in(
    catalog: Catalog, picture: Image.Image, shirt: Path
) -> None:
    added = catalog.add(
        "linen-042", [shirt, picture], category="upper", caption='a "blue"\nshirt — größe M',
        kinds=["flat-lay", "worn"],
    )  # fmt: skip
    found = catalog.get("linen-042")
    assert found == added
    assert found.caption == 'a "blue"\nshirt — größe M'
    assert [photo.kind for photo in found.photos] == ["flat-lay", "worn"]
    assert catalog.read(found, found.photos[0].file) == shirt.read_bytes()
    first, second = catalog.photos(found)
    assert first.size == (384, 512)
    assert (np.asarray(second)[..., :3] == np.asarray(picture)).all()
    assert "linen-042" in catalog
    assert "linen-043" not in catalog


def test_a_taken_name_is_refused_unless_replaced(catalog: Catalog, picture: Image.Image) -> None:
    catalog.add("a", [picture])
    with pytest.raises(CatalogConflictError, match="already"):
        catalog.add("a", [picture])
    catalog.set_lora("a", b"old", base="mini")
    replaced = catalog.add("a", [picture], caption="new", replace_existing=True)
    assert (replaced.generation, replaced.caption, replaced.loras) == (3, "new", ())


def test_a_lora_is_kept_by_family(catalog: Catalog, picture: Image.Image) -> None:
    catalog.add("a", [picture])
    catalog.set_lora("a", b"one", base="mini")
    catalog.set_lora("a", b"two", base="sd15")
    garment = catalog.set_lora("a", b"three", base="mini")
    for base, content in (("mini", b"three"), ("sd15", b"two")):
        file = catalog.lora_file(garment, base)
        assert file is not None
        assert file.read_bytes() == content
    assert catalog.lora_file(garment, "sdxl") is None
    assert catalog.lora_option("sku:a:0.5", "mini").endswith(".safetensors:0.5")
    with pytest.raises(CatalogError, match="no LoRA for 'sdxl'"):
        catalog.lora_option("sku:a", "sdxl")


def test_a_lora_with_other_bytes_is_refused(tmp_path: Path, picture: Image.Image) -> None:
    catalog = Catalog(tmp_path)
    catalog.add("a", [picture])
    garment = catalog.set_lora("a", b"one", base="mini")
    (tmp_path / "a" / garment.loras[0].file).write_bytes(b"two")
    with pytest.raises(CatalogError, match="not the bytes"):
        catalog.lora_file(garment, "mini")


def test_removing_takes_everything_but_the_records(catalog: Catalog, picture: Image.Image) -> None:
    catalog.add("a", [picture])
    catalog.set_lora("a", b"one", base="mini")
    catalog.add("b", [picture])
    catalog.remove("a")
    assert [garment.sku for garment in catalog.list()] == ["b"]
    assert [name for name in catalog.store.below() if name.startswith("a/")] == [
        f"a/garment-00000{n}.toml" for n in (1, 2, 3)
    ]
    for use in (catalog.get, catalog.remove):
        with pytest.raises(SkuNotFoundError, match="'a'"):
            use("a")
    assert catalog.add("a", [picture]).generation == 4


def test_a_writer_with_a_stale_garment_is_told(catalog: Catalog, picture: Image.Image) -> None:
    stale = catalog.add("a", [picture])
    catalog.set_category("a", "upper")
    with pytest.raises(CatalogConflictError, match="at the same time"):
        catalog._commit(stale.__class__("a", 2, "dress", "", stale.photos), stale)
    assert catalog.get("a").category == "upper"


def test_writers_at_the_same_time_lose_nothing(catalog: Catalog, picture: Image.Image) -> None:
    catalog.add("a", [picture])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: catalog.set_lora("a", b"%d" % n, base=f"family-{n}"), range(8)))
    garment = catalog.get("a")
    assert garment.generation == 9
    found = {lora.base: catalog.read(garment, lora.file) for lora in garment.loras}
    assert found == {f"family-{n}": b"%d" % n for n in range(8)}


def test_one_of_two_processes_takes_the_name(tmp_path: Path, shirt: Path) -> None:
    code = (
        "import sys\nfrom tryon.catalog import Catalog\nfrom tryon.errors import *\n"
        f"try:\n  Catalog({str(tmp_path)!r}).add('a', [{str(shirt)!r}], caption=sys.argv[1])\n"
        "except CatalogConflictError:\n  sys.exit(3)"
    )
    root = Path(__file__).resolve().parents[2]
    both = [subprocess.Popen([sys.executable, "-c", code, str(n)], cwd=root) for n in range(2)]
    codes = [process.wait() for process in both]
    assert sorted(codes) == [0, 3]
    assert Catalog(tmp_path).get("a").caption == str(codes.index(0))


def test_old_files_are_swept_two_writings_later(catalog: Catalog, picture: Image.Image) -> None:
    catalog.add("a", [picture])
    first = catalog.set_lora("a", b"1", base="mini")
    catalog.set_lora("a", b"2", base="mini")
    assert catalog.read(first, first.loras[0].file) == b"1"  # a reader under way is not disturbed
    catalog.set_lora("a", b"3", base="mini")
    names = catalog.store.below()
    assert sum("lora/" in name for name in names) == 2
    with pytest.raises(CatalogError, match="has lost"):
        catalog.read(first, first.loras[0].file)


@pytest.mark.parametrize(
    "sku", ["", "..", "a/b", "../a", "/a", "a\\b", ".a", "a.", "a" * 101, "a b", "é", "a\n", "C:a"]
)
def test_names_cannot_escape(sku: str, tmp_path: Path, picture: Image.Image) -> None:
    catalog = Catalog(tmp_path / "garments")
    for use in (catalog.get, catalog.remove, lambda sku: catalog.add(sku, [picture])):
        with pytest.raises(CatalogError, match="not a name"):
            use(sku)
    assert not (tmp_path / "garments").exists()


def test_a_record_cannot_name_files_elsewhere() -> None:
    photo = CatalogPhoto("photos/x.png", "key")
    for file in ("../b/photos/x.png", "/etc/passwd", "photos/../../x", "photos/.."):
        bad = CatalogGarment("a", 1, "auto", "", (photo, CatalogPhoto(file, "key")))
        with pytest.raises(CatalogError, match="outside"):
            from_toml(to_toml(bad), "a.toml")


def test_records_survive_toml() -> None:
    garment = CatalogGarment(
        "a", 7, "dress", 'tabs\t"quotes" \\ \x7f 🧵',
        (CatalogPhoto("photos/x.png", "k", "worn"),),
        CatalogAtlas("derived/a.npz", "k2"),
        (CatalogLora("mini", "lora/m.safetensors", "0"), CatalogLora("sd15", "lora/s", "1")),
    )  # fmt: skip
    assert from_toml(to_toml(garment), "a.toml") == garment


@pytest.mark.parametrize(
    "text", ["sku = ", "sku = 'a'", "colour = 'red'", "sku = 1\ngeneration = 1"]
)
def test_a_broken_record_names_its_file(text: str) -> None:
    with pytest.raises(CatalogError, match="folder/a.toml: not a garment's record"):
        from_toml(text, "folder/a.toml")


def test_a_missing_photo_adds_nothing(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(ImageNotFoundError):
        catalog.add("a", [tmp_path / "none.jpg"])
    with pytest.raises(CatalogError, match="at least one photo"):
        catalog.add("a", [])
    assert catalog.list() == []
