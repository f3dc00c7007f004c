"""The page as programs see it: one endpoint, limits, and nobody else's photos."""

from __future__ import annotations

import gc
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image

from tests.demo.conftest import Serve
from tests.demo.fake_engine import NOBODY, FakeEngine, photo_of
from tryon.provenance import read_provenance

pytest.importorskip("gradio")
import gradio as gr  # noqa: E402
from gradio_client import Client, handle_file  # noqa: E402
from gradio_client.exceptions import AppError  # noqa: E402

from tryon.demo.page import Page  # noqa: E402
from tryon.demo.server import serve  # noqa: E402
from tryon.demo.visitors import Visitors  # noqa: E402
from tryon.errors import OptionError  # noqa: E402


@pytest.fixture(scope="module")
def site(serve_demo: Serve) -> tuple[str, Any, FakeEngine]:
    return serve_demo(FakeEngine(), waiting=12, upload=400_000)


@pytest.fixture(scope="module")
def client(site: tuple[str, Any, FakeEngine], tmp_path_factory: Any) -> Iterator[Client]:
    yield client_of(site[0], tmp_path_factory.mktemp("downloads"))


def client_of(address: str, folder: Path) -> Client:
    patience = {"timeout": 120}  # thirty clients on one busy core
    return Client(address, verbose=False, download_files=folder, httpx_kwargs=patience)


def send(client: Client, person: Path, garment: Path | None, **options: Any) -> Any:
    photos = {"person": handle_file(str(person))}
    if garment is not None:
        photos["garment"] = handle_file(str(garment))
    return client.predict(**photos, **options, api_name="/tryon")


def test_the_picture_comes_back_with_its_parameters(client: Client, tmp_path: Path) -> None:
    file, report = send(
        client, photo_of(40, tmp_path), photo_of(50, tmp_path), seed=7, category="upper", steps=4
    )
    picture = Image.open(file)
    assert picture.getpixel((48, 64)) == (40, 50, 7)
    assert picture.getpixel((0, 0)) == (40, 90, 60), "outside the mask, the photo itself"
    noted = read_provenance(file).parameters
    assert noted is not None and (noted["seed"], noted["steps"]) == (7, 4)
    assert noted["category"] == "upper" and noted["strength"] is None
    assert report["seed"] == 7 and report["scores"]["pose"] == 0.93
    assert report["category"] == "upper", "what the garment was taken as"


def test_a_seed_is_drawn_where_none_is_given(client: Client, tmp_path: Path) -> None:
    photos = photo_of(40, tmp_path), photo_of(50, tmp_path)
    seeds = {send(client, *photos)[1]["seed"] for _ in range(2)}
    assert len(seeds) == 2


def test_a_mask_of_the_callers(
    client: Client, site: tuple[str, Any, FakeEngine], tmp_path: Path
) -> None:
    mask = tmp_path / "mask.png"
    Image.new("L", (96, 128), 255).save(mask)
    send(client, photo_of(40, tmp_path), photo_of(50, tmp_path), mask=handle_file(str(mask)))
    assert Path(site[2].masks[-1]).read_bytes() == mask.read_bytes(), "judged by our own loader"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 0}, "Steps is 0"),
        ({"steps": 999}, "At most 100"),
        ({"strength": 7}, "Strength is 7"),
        ({"prompt": "red <lora:/etc/passwd:1>"}, "names a LoRA"),
        ({"garment": None, "sku": "linen"}, "SKU"),
        ({"garment": None}, "both photos"),
    ],
)
def test_bad_requests_are_told_in_a_sentence(
    client: Client, options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    options = dict(options)
    garment = options.pop("garment", photo_of(50, tmp_path))
    with pytest.raises(AppError, match=said):
        send(client, photo_of(40, tmp_path), garment, **options)


def test_errors_name_no_file_of_the_server(client: Client, tmp_path: Path) -> None:
    Image.new("RGB", (96, 128), NOBODY).save(tmp_path / "nobody.png")
    with pytest.raises(AppError) as caught:
        send(client, tmp_path / "nobody.png", photo_of(50, tmp_path))
    assert str(caught.value) == "Nobody was found. Take another."


def test_a_file_that_is_no_picture_is_told(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("not a picture")
    with pytest.raises(AppError, match="not JPEG, PNG, WebP"):
        send(client, tmp_path / "a.jpg", photo_of(50, tmp_path))


def test_the_api_is_described(client: Client) -> None:
    described = client.view_api(print_info=False, return_format="dict")
    assert set(described["named_endpoints"]) == {"/tryon"}
    names = [p["parameter_name"] for p in described["named_endpoints"]["/tryon"]["parameters"]]
    assert names[:3] == ["person", "garment", "sku"]


def status_of(url: str, **options: Any) -> int:
    try:
        with urlopen(Request(url, **options)) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def test_examples_are_found_from_any_folder(
    serve_demo: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a wheel's are: neither below the working folder nor among the temporary files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    address, service, _ = serve_demo(FakeEngine())
    with urlopen(f"{address}config") as answer:
        events = json.loads(answer.read())["dependencies"]
    load = next(
        event for event in events if ["load"] in [target[1:] for target in event["targets"]]
    )
    body = {"data": ["all", None], "fn_index": load["id"], "session_hash": "page"}
    headers = {"Content-Type": "application/json"}
    urlopen(Request(f"{address}gradio_api/queue/join", json.dumps(body).encode(), headers)).close()
    with urlopen(f"{address}gradio_api/queue/data?session_hash=page") as lines:
        messages = [json.loads(line[5:]) for line in lines if line.startswith(b"data:")]
    done = next(m for m in messages if m["msg"] == "process_completed")
    people, garments = done["output"]["data"][-2:]
    assert len(people) == len(service.wardrobe.people)
    assert len(garments) == len(service.wardrobe.garments())
    assert status_of(garments[0]["image"]["url"]) == 200


def test_mistakes_and_attempts_are_one_line_each(
    client: Client,
    site: tuple[str, Any, FakeEngine],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    photos = photo_of(40, tmp_path), photo_of(50, tmp_path)
    Image.new("RGB", (96, 128), NOBODY).save(tmp_path / "nobody.png")
    with caplog.at_level("WARNING"):
        for person, options in (
            (photos[0], {"steps": 0}),
            (photos[0], {"category": "hat"}),
            (tmp_path / "nobody.png", {}),
        ):
            with pytest.raises(AppError):
                send(client, person, photos[1], **options)
        test_a_path_in_the_place_of_an_upload_is_refused(site, "/etc/passwd")
    assert "Traceback" not in "".join(capfd.readouterr()) + caplog.text
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("tryon")]
    assert len(ours) == 4 and all(line.count("\n") == 0 for line in ours)


def test_a_password_is_asked_for_and_guesses_are_logged(
    serve_demo: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    address, _, _ = serve_demo(FakeEngine(), auth=[("anna", "secret")])
    assert status_of(f"{address}config") == 401
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    def login(password: str) -> int:
        data = f"username=anna&password={password}".encode()
        return status_of(f"{address}login", data=data, headers=headers)

    assert [login("guess") for _ in range(2)] == [400, 400]
    assert caplog.text.count("a wrong login from 127.0.0.1") == 2 and "guess" not in caplog.text
    assert login("secret") == 200


@pytest.mark.parametrize(
    "file",
    [
        "/etc/passwd",
        "../../../../etc/passwd",
        "pyproject.toml",
        "http://127.0.0.1:22/",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
    ],
)
def test_files_of_the_server_and_of_others_are_not_served(
    site: tuple[str, Any, FakeEngine], file: str
) -> None:
    assert status_of(f"{site[0]}gradio_api/file={file}") in (403, 404)


@pytest.mark.parametrize("path", ["/etc/passwd", "http://127.0.0.1:22/x.png"])
def test_a_path_in_the_place_of_an_upload_is_refused(
    site: tuple[str, Any, FakeEngine], path: str
) -> None:
    before = len(site[2].batches)
    photo = {"path": path, "meta": {"_type": "gradio.FileData"}}
    body = json.dumps(
        {"data": [photo, photo, "", "auto", "auto", None, 1, None, None, None, 1, 0, "", "png"]}
    ).encode()
    headers = {"Content-Type": "application/json"}
    address = f"{site[0]}gradio_api/call/tryon"
    with urlopen(Request(address, data=body, headers=headers)) as answer:
        event = json.loads(answer.read())["event_id"]
    with urlopen(f"{address}/{event}") as answer:
        assert b"event: error" in answer.read()
    assert len(site[2].batches) == before


def upload(address: str, content: bytes) -> Any:
    border = "x" * 20
    body = (
        (
            f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        ).encode()
        + content
        + f"\r\n--{border}--\r\n".encode()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={border}"}
    return Request(f"{address}gradio_api/upload", data=body, headers=headers)


def test_an_upload_over_the_limit_is_413(site: tuple[str, Any, FakeEngine]) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(upload(site[0], b"x" * 500_000))
    with caught.value as answer:
        assert answer.code == 413


def test_a_photo_of_too_many_pixels_is_told(serve_demo: Serve, tmp_path: Path) -> None:
    address, _, _ = serve_demo(FakeEngine(), pixels=10_000)
    client = client_of(address, tmp_path)
    with pytest.raises(AppError, match="too large"):
        send(client, photo_of(40, tmp_path), photo_of(50, tmp_path))
    client.close()


def test_nobody_fetches_what_a_visitor_brought_or_got_after_they_left(
    site: tuple[str, Any, FakeEngine], tmp_path: Path
) -> None:
    address, service, _ = site
    visitor = client_of(address, tmp_path)
    send(visitor, photo_of(61, tmp_path), photo_of(62, tmp_path))
    visit = service.visitors.visit(visitor.session_hash)
    urls = [f"{address}gradio_api/file={file}" for file in visit.files]
    assert len(urls) == 3 and {status_of(url) for url in urls} == {200}
    folders = [file.parent for file in visit.files]
    visitor.close()
    until = time.monotonic() + 30
    while any(file.exists() for file in map(Path, [u.split("=", 1)[1] for u in urls])):
        assert time.monotonic() < until, "the files outlive their visitor"
        time.sleep(0.1)
    assert {status_of(url) for url in urls} <= {403, 404}
    assert not any(folder.exists() for folder in folders)
    assert visitor.session_hash not in service.visitors._visits


def test_thirty_clients_at_once(serve_demo: Serve, tmp_path: Path) -> None:
    """All answered or told that it is full, and nobody gets another's picture."""
    address, service, engine = serve_demo(FakeEngine(pause=0.005), waiting=12)
    garment = photo_of(200, tmp_path)
    photos = [photo_of(number + 1, tmp_path) for number in range(30)]
    begin = threading.Barrier(30)

    def ask(number: int) -> Any:
        client = client_of(address, tmp_path / str(number))
        begin.wait(120)
        try:
            file, report = send(client, photos[number], garment, seed=number)
        except AppError as error:
            return str(error)
        finally:
            client.close()
        return Image.open(file).getpixel((48, 64)), report["seed"]

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(ask, range(30)))
    pictures = {n: answer for n, answer in enumerate(answers) if not isinstance(answer, str)}
    refused = [answer for answer in answers if isinstance(answer, str)]
    assert all(answer == ((n + 1, 200, n), n) for n, answer in pictures.items())
    assert all("in line before yours" in answer for answer in refused)
    assert len(pictures) >= 12
    assert len(engine.threads) == 1, "one thread uses the engine"


def test_memory_stays_flat(
    site: tuple[str, Any, FakeEngine], client: Client, tmp_path: Path
) -> None:
    """Nothing of a request is left: neither its photos nor its pictures nor its jobs."""
    photos = photo_of(70, tmp_path), photo_of(71, tmp_path)

    def grown(count: int) -> int:
        for _ in range(count):
            send(client, *photos, seed=1)
        gc.collect()
        return sum(type(thing) is Image.Image for thing in gc.get_objects())

    first = grown(3)
    assert grown(6) <= first + 2
    visit = site[1].visitors.visit(client.session_hash)
    assert not visit.jobs and len(site[1].queue) == 0


def test_a_taken_port_is_told(site: tuple[str, Any, FakeEngine]) -> None:
    port = int(site[0].rstrip("/").rpartition(":")[2])
    with Page(Visitors(), []) as page:
        gr.HTML("nothing")
    with pytest.raises(OptionError, match=f"port {port} of 127.0.0.1 cannot"):
        serve(page, "127.0.0.1", port)


def test_the_same_request_gives_the_same_file(client: Client, tmp_path: Path) -> None:
    photos = photo_of(70, tmp_path), photo_of(71, tmp_path)
    one, other = (send(client, *photos, seed=5)[0] for _ in range(2))
    assert (np.asarray(Image.open(one)) == np.asarray(Image.open(other))).all()
