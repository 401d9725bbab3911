"""Media: told by their bytes, found in values, taken out of messages, journaled once."""

from __future__ import annotations

import base64
import io
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pil

import weft
from weft import digests, recording, settings, tracing
from weft.errors import InputError, NotFoundError
from weft.records import Media, MediaReference, decode, encode, find_media
from weft.records.media import extract, modality_of, reference, type_of
from weft.testing.recorder import MemoryRecorder
from weft.tracing import media
from weft.tracing.capture import capture, to_json


def png(width: int = 3, height: int = 2) -> bytes:
    out = io.BytesIO()
    Pil.effect_noise((width, height), 90).save(out, "PNG")
    return out.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


LONG, SMALL = png(80, 80), png()


def kept(recorder: MemoryRecorder) -> list[Media]:
    return [item for item in recorder.observations if isinstance(item, Media)]


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (png(), "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF89arest", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\0\0\0\0AVI fmt ", None),
        (b"\0\0\0\x1cftypavif", "image/avif"),
        (b"\0\0\0\x1cftypqt  ", None),
        (b"ID3\x04rest", "audio/mpeg"),
        (b"OggSrest", "audio/ogg"),
        (b"%PDF-1.7", "application/pdf"),
        (b"BM is how this text begins, and it is no image at all, whatever its length", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
        (b"", None),
    ],
)
def test_a_type_is_told_by_the_first_bytes(data: bytes, media_type: str | None) -> None:
    assert type_of(data) == media_type


def test_a_record_of_media_travels_as_its_bytes() -> None:
    given = Media("p", "image/png", b"\n\x00\xff{}\n" + LONG)
    kind, payload = encode(given)
    assert decode(kind, payload) == given
    assert len(payload) < len(given.data) + 100
    with pytest.raises(ValueError, match="names the project"):
        decode(kind, b"{}\nx")


def test_references_are_found_wherever_they_are() -> None:
    one, two = reference(SMALL, "image/png", name="a.png", width=3), reference(b"x", "text/plain")
    value = {"a": [one, {"type": "uri", **two}], "b": one}
    assert find_media(value) == [
        MediaReference(digests.of_bytes(SMALL), "image/png", len(SMALL), "a.png", 3),
        MediaReference(digests.of_bytes(b"x"), "text/plain", 1),
    ]
    assert [found.modality for found in find_media(value)] == ["image", "file"]
    assert modality_of("audio/wav") == "audio"
    for hostile in ({"_weft": "media", "digest": "../../etc"}, {"_weft": "media"}, {"_weft": "media", "digest": 1}):
        assert find_media([hostile]) == []
    assert find_media(json.loads("[" * 200 + "]" * 200)) == []


SHAPES = [
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64(LONG)}"}},
    {"type": "input_image", "image_url": f"data:image/png;base64,{b64(LONG)}"},
    {"type": "blob", "modality": "image", "mime_type": "image/png", "content": b64(LONG)},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": b64(LONG)}},
    {"inline_data": {"mime_type": "image/png", "data": b64(LONG)}},
    {"b64_json": b64(LONG), "revised_prompt": "a cat"},
    {"audio": {"id": "a", "data": b64(LONG), "transcript": "hi"}},
    {"type": "input_audio", "input_audio": {"data": b64(LONG), "format": "mp3"}},
]


@pytest.mark.parametrize("part", SHAPES, ids=lambda part: str(sorted(part)))
def test_media_in_messages_become_references(part: dict[str, Any]) -> None:
    found: list[bytes] = []

    def keep(data: bytes, media_type: str) -> dict[str, Any]:
        found.append(data)
        return reference(data, media_type)

    before = json.dumps(part)
    after = extract([{"role": "user", "content": [part]}], keep)
    assert found == [LONG]
    assert [one.digest for one in find_media(after)] == [digests.of_bytes(LONG)]
    assert b64(LONG)[:100] not in json.dumps(after)
    assert json.dumps(part) == before


@pytest.mark.parametrize(
    "value",
    [
        "data:text/plain,hello",
        "data:image/png;base64,not base64!",
        "data:",
        {"type": "blob", "mime_type": "image/png", "content": "%%%"},
        {"data": "QUJD"},
        {"data": [1], "format": "wav"},
        {"content": "QUJDRA==", "format": "text"},
        {"type": "base64", "media_type": "image/png", "data": ""},
    ],
)
def test_what_is_no_medium_stays(value: Any) -> None:
    assert extract(value, lambda data, media_type: pytest.fail("kept")) == value


def test_ops_give_and_take_images_sounds_and_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")

    @weft.op
    def paint(picture: Any) -> Any:
        return [weft.Audio(np.zeros(800), sample_rate=8000), weft.File(tmp_path / "notes.txt"), LONG]

    with MemoryRecorder() as recorder:
        paint(Pil.new("RGB", (4, 2), "red"))
        span = recorder.span("paint")
        names = [type(item).__name__ for item in recorder.observations]
    (image,) = find_media(span.input)
    assert (image.media_type, image.width, image.height) == ("image/png", 4, 2)
    assert [(one.media_type, one.name) for one in find_media(span.output)] == [
        ("audio/wav", None),
        ("text/plain", "notes.txt"),
        ("image/png", None),
    ]
    by_digest = {digests.of_bytes(one.data): one.data for one in kept(recorder)}
    assert set(by_digest) == {one.digest for one in (image, *find_media(span.output))}
    assert Pil.open(io.BytesIO(by_digest[image.digest])).getpixel((0, 0)) == (255, 0, 0)
    assert names.index("Media") < names.index("Span")  # the bytes are safe before a span speaks of them


def test_what_comes_again_is_journaled_once_a_recorder() -> None:
    for _ in range(2):
        with MemoryRecorder() as recorder, tracing.span("s", input={"image": LONG}) as span:
            span.set_output([weft.Image(LONG)])
        assert len(kept(recorder)) == 1


def test_inline_media_of_an_op_become_references() -> None:
    with MemoryRecorder() as recorder, tracing.span("s") as span:
        span.set_output({"messages": [SHAPES[0]]})
        tiny = {"url": "data:image/png;base64,AAAA"}
        span.set_input(tiny)
    assert len(find_media(recorder.spans[0].output)) == 1
    assert recorder.spans[0].input == tiny  # not worth a blob
    assert [one.data for one in kept(recorder)] == [LONG]


def test_what_a_function_takes_out_is_not_journaled() -> None:
    seen: list[Any] = []

    def without(value: Any) -> Any:
        seen.append(value)
        return {"picture": "[taken out]"}

    @weft.op(redact=without)
    def look(picture: Any) -> None: ...

    @weft.op(redact=lambda value: value)
    def show(picture: Any) -> None: ...

    with MemoryRecorder() as recorder:
        look(Pil.new("L", (4, 2)))
        assert kept(recorder) == []
        assert find_media(seen[0])
        show(Pil.new("L", (4, 2)))
    assert len(kept(recorder)) == 1


def test_media_of_a_trace_that_is_sampled_out_are_not_journaled() -> None:
    @weft.op(sample_rate=0.0, keep_errors=True)
    def look(picture: Any, fails: bool) -> Any:
        with tracing.span("below") as span:
            span.set_output({"messages": [SHAPES[0]]})
            to_json({"messages": [SHAPES[1]]})  # as a model's client has it, with the span around it
        if fails:
            raise ValueError("no")
        return weft.Image(SMALL)

    picture = Pil.new("L", (4, 2))
    with MemoryRecorder() as recorder:
        look(picture, fails=False)
        assert recorder.payloads == []
        with pytest.raises(ValueError, match="no"):
            look(picture, fails=True)
        journaled = {one.data for one in kept(recorder)}
        assert len(journaled) >= 2
        assert LONG in journaled
        (root,) = [span for span in recorder.spans if span.name == "look"]
        assert {one.digest for one in find_media(root.input)} <= {digests.of_bytes(data) for data in journaled}


def test_a_generator_of_images() -> None:
    @weft.op
    def paint() -> Any:
        yield Pil.new("L", (4, 2))

    with MemoryRecorder() as recorder:
        list(paint())
    assert len(kept(recorder)) == len(find_media(recorder.spans[0].output)) == 1


def test_media_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings.load({"project": "p", "media": False})
    with MemoryRecorder("p", given=given) as recorder, tracing.span("s", input=weft.Image(LONG)):
        pass
    assert kept(recorder) == []
    assert recorder.spans[0].input["kept"] is False
    monkeypatch.setattr(media.journaling, "LARGEST_BYTES", 10)
    with MemoryRecorder() as recorder, tracing.span("s", input=weft.Image(LONG)):
        pass
    assert (kept(recorder), recorder.spans[0].input["kept"]) == ([], False)
    assert recording.active is None
    assert json.loads(to_json(weft.Image(LONG)))["kept"] is False  # nobody records: nothing to keep it in


def test_a_broken_image_costs_only_itself() -> None:
    image = Pil.new("RGB", (4, 2))
    image.save = lambda *args, **kwargs: 1 / 0  # type: ignore[method-assign]
    assert capture({"a": 1, "image": image}) == {"a": 1, "image": "<Image: could not be captured, ZeroDivisionError>"}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "F", "I", "LAB", "YCbCr"])
def test_images_of_every_mode(mode: str) -> None:
    made = weft.Image(Pil.new("RGB", (3, 2)).convert(mode) if mode != "LAB" else Pil.new("LAB", (3, 2)))
    assert Pil.open(io.BytesIO(made.data)).size == (3, 2)


@pytest.mark.parametrize(
    ("array", "pixel"),
    [
        (np.full((2, 3), 200, "uint8"), 200),
        (np.full((2, 3, 1), 0.5), 128),
        (np.full((2, 3, 3), 300), (255, 255, 255)),
        (np.full((2, 3, 4), True), (255, 255, 255, 255)),
        (np.asfortranarray(np.arange(6, dtype="uint8").reshape(2, 3)), 0),
    ],
)
def test_images_from_arrays(array: Any, pixel: Any) -> None:
    image = Pil.open(io.BytesIO(weft.Image(array).data))
    image.load()
    assert (image.size, image.getpixel((0, 0))) == ((3, 2), pixel)
    if array.ndim == 2 and array[0, 0] == 0:
        assert np.array_equal(np.asarray(image), array)


def test_sounds_from_arrays() -> None:
    made = weft.Audio(np.array([[0.0, 1.0], [-2.0, 0.5]]), sample_rate=16_000)
    with wave.open(io.BytesIO(made.data)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 16_000, 2)
        assert np.frombuffer(file.readframes(2), "<i2").tolist() == [0, 32767, -32767, 16383]
    assert repr(made) == f"weft.Audio('audio/wav', {len(made.data)} bytes)"
    assert weft.Audio(np.zeros(3, "int16"), sample_rate=8000).media_type == "audio/wav"


def test_files_by_path_know_their_name_and_type(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n")
    (tmp_path / "b.csv").write_bytes(LONG)
    first, second = weft.File(tmp_path / "a.csv"), weft.File(str(tmp_path / "b.csv"), name="c")
    assert (first.name, first.media_type, first.data) == ("a.csv", "text/csv", b"a,b\n")
    assert (second.name, second.media_type) == ("c", "image/png")
    assert weft.File(b"x").media_type == "application/octet-stream"
    assert weft.Image(b"x", media_type="image/svg+xml").media_type == "image/svg+xml"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: weft.File(3), InputError, "A int is no file. Give a path or bytes."),
        (lambda: weft.Image(3), InputError, "A int is no image."),
        (lambda: weft.Image("/no/such.png"), NotFoundError, "The image '/no/such.png' cannot be read"),
        (lambda: weft.Image(np.zeros((2, 3, 5))), InputError, r"An array of shape \(2, 3, 5\) is no image."),
        (lambda: weft.Image(np.zeros((2, 3), "c8")), InputError, "An array of complex64 is no image."),
        (lambda: weft.Audio(3), InputError, "A int is no sound."),
        (lambda: weft.Audio(np.zeros(3)), InputError, "Samples need their rate."),
        (lambda: weft.Audio(np.zeros((1, 1, 1)), sample_rate=1), InputError, "An array of shape .* is no sound."),
        (lambda: weft.Audio(np.zeros(3, "int64"), sample_rate=1), InputError, "An array of int64 is no sound."),
    ],
)
def test_what_is_no_medium_is_refused(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()
