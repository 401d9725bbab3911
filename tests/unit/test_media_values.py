"""Values that runs log: what each becomes, and what is refused."""

from __future__ import annotations

import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import av
import numpy as np
import pytest
from PIL import Image as Pil

import weft
from weft.errors import InputError, MissingExtraError, NotFoundError
from weft.records import Media, find_media
from weft.testing.recorder import MemoryRecorder
from weft.tracing.capture import capture, to_json
from weft.tracing.media import to_array


class Tensor:
    """What torch's tensors look like from outside."""

    dtype = "torch.bfloat16"

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = array.shape

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def float(self) -> Tensor:
        self.array = self.array.astype("f4")
        return self

    def numpy(self) -> Any:
        return self.array


class Drawing:
    """What matplotlib's figures look like from outside."""

    axes = ()

    def savefig(self, out: Any, format: str, **more: Any) -> None:
        out.write(png() if format == "png" else b"<svg onload='alert(1)'/>")

    def get_size_inches(self) -> tuple[float, float]:
        return 4.0, 3.0


class Plotly:
    """What plotly's figures look like from outside."""

    __module__ = "plotly.graph_objs"

    def to_plotly_json(self) -> dict[str, Any]:
        return {"data": [], "layout": {}}

    def to_json(self) -> str:
        return json.dumps(self.to_plotly_json())


def png() -> bytes:
    out = io.BytesIO()
    Pil.new("RGB", (4, 2), "red").save(out, "PNG")
    return out.getvalue()


def pixels(image: weft.Image) -> Any:
    return np.asarray(Pil.open(io.BytesIO(image.data)))


def test_images_of_every_source() -> None:
    assert pixels(weft.Image(np.array([[0.0, 0.5], [1.0, float("nan")]]))).tolist() == [[0, 128], [255, 0]]
    assert pixels(weft.Image(np.array([[-1.0, 1.0]]))).tolist() == [[0, 255]]
    assert pixels(weft.Image(Tensor(np.zeros((3, 5, 7))))).shape == (5, 7, 3)
    assert pixels(weft.Image(Tensor(np.ones((1, 5, 7))))).shape == (5, 7)
    assert weft.Image(Drawing()).media_type == "image/png"
    assert to_array([1, 2]) is None
    image = weft.Image(Pil.new("RGB", (4, 2)), caption="red", grouping=3)
    told = image.logged()
    assert (told["kind"], told["caption"], told["width"], told["height"], told["grouping"]) == ("image", "red", 4, 2, 3)


def test_boxes_and_masks_lie_over_images() -> None:
    boxes = {
        "predictions": {
            "box_data": [
                {"position": {"minX": 1, "maxX": 2, "minY": 0, "maxY": 1}, "domain": "pixel", "class_id": 0},
                {
                    "position": {"middle": [0.5, 0.5], "width": 0.2, "height": 0.4},
                    "class_id": 7,
                    "box_caption": "?",
                    "scores": {"sure": 0.9},
                },
            ],
            "class_labels": {0: "cat"},
        },
        "truth": [],
    }
    masks = {"truth": {"mask_data": np.array([[0, 1], [2, 255]]), "class_labels": {1: "road"}}}
    image = weft.Image(png(), boxes=boxes, masks=masks, classes=[{"id": 2, "name": "sky"}])
    told = image.reference()
    first, second = told["boxes"]["predictions"]
    assert first == {"corners": [0.25, 0.0, 0.5, 0.5], "class": "cat"}
    assert second["corners"] == pytest.approx([0.4, 0.3, 0.6, 0.7])
    assert (second["class"], second["caption"], second["scores"]) == ("7", "?", {"sure": 0.9})
    mask = told["masks"]["truth"]
    assert mask["classes"] == {"2": "sky", "1": "road"}
    assert np.asarray(Pil.open(io.BytesIO(told.blobs[1][1]))).tolist() == [[0, 1], [2, 255]]  # type: ignore[arg-type]
    assert [found.digest for found in find_media([told])] == [told["digest"], mask["digest"]]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"classes": [{"id": "x"}]}, "not names by number"),
        ({"boxes": {"p": "many"}}, "boxes 'p' are no list"),
        ({"boxes": {"p": [{"position": {"minX": 1}}]}}, "A box is"),
        ({"masks": {"p": {"mask_data": np.zeros(3)}}}, "no array of class ids"),
        ({"masks": {"p": {"mask_data": np.full((2, 2), 256)}}}, "beyond 0 to 255"),
    ],
)
def test_boxes_and_masks_that_are_none(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        weft.Image(png(), **more)


def test_boxes_in_pixels_need_a_size() -> None:
    box = {"position": {"minX": 1, "maxX": 2, "minY": 0, "maxY": 1}, "domain": "pixel"}
    with pytest.raises(InputError, match="size of an image with boxes in pixels"):
        weft.Image(b"no picture at all", boxes={"p": [box]})
    out = io.BytesIO()
    Pil.new("RGB", (10, 10)).save(out, "JPEG")
    assert weft.Image(out.getvalue(), boxes={"p": [box]}).reference()["boxes"]["p"][0]["corners"][2] == 0.2


def test_histograms() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    told = weft.Histogram(values).reference()
    assert told["counts"] == np.histogram(values, 64)[0].tolist()
    assert (told["low"], told["high"]) == (values.min(), values.max())
    assert weft.Histogram(np_histogram=np.histogram(values, 512)).reference()["counts"]
    assert weft.Histogram(np_histogram=([1, 2.5], [0, 1, 5])).data()["bins"] == [0, 1, 5]
    some = weft.Histogram([1, 1, float("nan"), float("inf")], num_bins=3)
    assert (sum(some.counts), some.not_finite, some.reference()["not_finite"]) == (2, 2, 2)
    assert sum(weft.Histogram([]).counts) == 0
    for extreme in ([1e308, -1e308], [5e-324, 0], [2.0**53] * 3, [1.0, 1.0 + 2e-16], [True, False]):
        assert sum(weft.Histogram(extreme).counts) == len(extreme)
    assert sum(weft.Histogram(Tensor(np.ones((3, 3)))).counts) == 9
    assert "3 bins" in repr(some)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sequence": [1], "num_bins": 513}, "A histogram of 513 bins"),
        ({"sequence": "words"}, "A str has no numbers"),
        ({"sequence": None}, "A NoneType has no numbers"),
        ({"sequence": np.array(["a"])}, "no numbers for a histogram"),
        ({"np_histogram": 3}, "not a pair"),
        ({"np_histogram": ([1], [1])}, "1 counts and 1 edges"),
        ({"np_histogram": ([1], [1, float("nan")])}, "not finite or not in order"),
    ],
)
def test_histograms_that_are_none(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        weft.Histogram(**given)


def test_videos(tmp_path: Path) -> None:
    moving = weft.Video(np.random.default_rng(0).integers(0, 255, (5, 3, 8, 8)), fps=10, caption="noise")
    with Pil.open(io.BytesIO(moving.data)) as opened:
        assert (opened.n_frames, opened.size) == (5, (8, 8))  # type: ignore[attr-defined]
    assert moving.logged()["media_type"] == "image/gif"
    assert moving.logged()["fps"] == 10
    assert weft.Video(np.linspace(0, 1, 2 * 4 * 4).reshape(2, 4, 4, 1), format="webp").media_type == "image/webp"
    assert weft.Video(np.zeros((1, 2, 4, 4, 3))).media_type == "image/gif"
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x1cftypisom")
    assert weft.Video(tmp_path / "a.mp4").media_type == "video/mp4"
    assert weft.Video(b"\x1aE\xdf\xa3").media_type == "video/webm"
    for wrong, said in ((3, "A int is no video"), (np.zeros(3), "is no video"), (np.array([["a"]]), "is no video")):
        with pytest.raises(InputError, match=said):
            weft.Video(wrong)
    with pytest.raises(InputError, match="cannot be written as mkv"):
        weft.Video(np.zeros((1, 2, 2)), format="mkv")
    with pytest.raises(InputError, match="0 frames a second"):
        weft.Video(b"", fps=0)


@pytest.mark.parametrize(
    ("given", "media_type", "codec"),
    [("mp4", "video/mp4", "h264"), ("webm", "video/webm", "vp9"), ("ogg", "video/webm", "vp9")],
)
def test_arrays_become_movies(given: str, media_type: str, codec: str) -> None:
    frames = np.zeros((6, 9, 13, 3), "uint8")
    frames[3:] = (200, 40, 40)
    movie = weft.Video(frames, fps=12.5, format=given)
    assert movie.media_type == media_type
    # A frame's own way to another format keeps threads for as long as this thread lives, for which a fork that another
    # one makes waits for ever.
    rgb = av.video.reformatter.VideoReformatter()
    with av.open(io.BytesIO(movie.data)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate) == (codec, Fraction(25, 2))
        seen = [rgb.reformat(picture, format="rgb24").to_ndarray() for picture in container.decode(stream)]
    assert [picture.shape for picture in seen] == [(10, 14, 3)] * 6  # of odd sides, which 4:2:0 cannot have
    assert seen[0].max() < 20
    assert np.abs(seen[5].astype(int) - (200, 40, 40)).max() < 20
    for shape in ((1, 1, 1), (2, 4, 4, 4), (1, 3, 16, 16)):
        assert weft.Video(np.full(shape, 0.5), format=given).size_bytes > 400
    assert weft.Video(io.BytesIO(movie.data)).media_type == media_type


def test_movies_of_arrays_need_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"package 'av'.*pip install 'weft\[video\]'"):
        weft.Video(np.zeros((1, 2, 2)), format="mp4")


def test_frames_that_a_codec_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = av.error.ExternalError(-542398533, "Generic error in an external library")
    monkeypatch.setattr(av, "open", Mock(side_effect=refused))
    with pytest.raises(InputError, match="2 frames of 4 x 3 cannot be written as webm: Generic error"):
        weft.Video(np.zeros((2, 3, 4)), format="webm")


def test_videos_of_arrays_need_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(MissingExtraError, match="pillow"):
        weft.Video(np.zeros((1, 2, 2)))


def test_html_is_data(tmp_path: Path) -> None:
    page = "<script>alert(1)</script>"
    (tmp_path / "page.html").write_text(page)
    for source in (page, tmp_path / "page.html", str(tmp_path / "page.html"), io.StringIO(page), page.encode()):
        value = weft.Html(source, caption="x")
        assert value.html == page
        assert value.logged()["media_type"] == "text/html"
    assert weft.Html("<p>see index.html").html == "<p>see index.html"
    with pytest.raises(InputError, match="A int is no HTML"):
        weft.Html(3)
    with pytest.raises(NotFoundError, match="page"):
        weft.Html("none.html")


def test_things_in_space(tmp_path: Path) -> None:
    (tmp_path / "cube.obj").write_text("v 0 0 0\n")
    assert weft.Object3D(tmp_path / "cube.obj").logged()["media_type"] == "model/obj"
    assert weft.Object3D(b"glTF....").media_type == "model/gltf-binary"
    cloud = weft.Object3D.from_numpy(np.array([[0, 1, 2], [float("nan"), 1, 1], [3, 4, 5]]), caption="two")
    told = cloud.logged()
    assert (told["points"], told["columns"], told["size_bytes"], told["kind"]) == (2, 3, 24, "object3d")
    corners = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    boxed = weft.Object3D.from_point_cloud(
        [[1, 2, 3, 0, 0, 255]], [{"corners": corners, "label": "car", "color": (1, 2, 3)}]
    )
    assert boxed.reference()["boxes"] == [{"corners": corners, "label": "car", "color": [1, 2, 3]}]
    for wrong, said in (
        ("scene.fbx", "ends in '.fbx'"),
        (np.zeros((3, 5)), r"of shape \(3, 5\) is no model"),
        ([["a"]], "is no model"),
        (3, "A int is no model"),
        ({"points": [[1, 2, 3]], "boxes": [{"corners": [1]}]}, "no eight corners"),
    ):
        with pytest.raises(InputError, match=said):
            weft.Object3D(wrong)


def test_figures_are_pictures_or_json() -> None:
    drawn = weft.Figure(Drawing(), caption="loss")
    told = drawn.logged()
    assert (told["kind"], told["media_type"], told["width"], told["caption"]) == ("figure", "image/png", 400, "loss")
    assert told["svg"]["media_type"] == "image/svg+xml"
    plotted = weft.Figure(Plotly()).logged()
    assert plotted["media_type"] == "application/vnd.plotly.v1+json"
    assert json.loads(plotted.blobs[0][1]) == {"data": [], "layout": {}}  # type: ignore[arg-type]
    axes = type("Axes", (), {"figure": Drawing()})()
    module = type("Pyplot", (), {"gcf": staticmethod(Drawing)})()
    assert weft.Figure(axes).logged()["width"] == weft.Figure(module).logged()["width"] == 400
    with pytest.raises(InputError, match="A int is no figure"):
        weft.Figure(3)
    mute = type("Mute", (), {"to_plotly_json": lambda self: {}})()
    with pytest.raises(InputError, match="does not write its JSON"):
        weft.Figure(mute)


def test_texts_and_files(tmp_path: Path) -> None:
    assert weft.Text("short", caption="c").logged() == {
        "_weft": "text",
        "text": "short",
        "caption": "c",
        "kind": "text",
    }
    assert weft.Text("\ud800" * 5000).logged()["characters"] == 5000
    with pytest.raises(InputError, match="A int is no text"):
        weft.Text(3)  # type: ignore[arg-type]
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(9 * 2**20))
    value = weft.File(big)
    assert (value.path, value.size_bytes, len(value.data)) == (big, 9 * 2**20, 9 * 2**20)
    assert weft.Audio(np.zeros(4), 8000, "beep").logged()["sample_rate"] == 8000


def test_values_in_ops_are_told_and_their_bytes_kept() -> None:
    table = weft.Table(columns=["picture", "score"], data=[[weft.Image(png()), 1]])

    @weft.op
    def judge(rows: Any) -> Any:
        return {"table": rows, "spread": weft.Histogram([1, 2]), "page": weft.Html("<b>")}

    with MemoryRecorder() as recorder:
        judge(table)
        span = recorder.span("judge")
        kept = {json.loads(to_json(item.media_type)) for item in recorder.observations if isinstance(item, Media)}
    assert span.output["table"]["kind"] == "table"
    assert span.output["spread"]["counts"][0] == 1
    assert kept == {"application/x-weft-table", "image/png", "text/plain", "text/html"}
    assert capture(table)["rows"] == 1
