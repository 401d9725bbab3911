"""Embeddings, images, sound and moderations."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai_calls import PNG, b64, only, texts

from weft import digests
from weft.records import Media, find_media
from weft.testing.openai_server import OpenAIServer
from weft.testing.recorder import MemoryRecorder


def test_embeddings(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    assert len(client.embeddings.create(model="emb", input=["one two", "three"]).data) == 2
    call = only(recorder)
    assert (call.name, call.kind, call.input, call.input_tokens) == (
        "embeddings emb",
        "embedding",
        ["one two", "three"],
        3,
    )
    assert call.attributes["gen_ai.embeddings.dimension.count"] == 32


def test_batches_of_embeddings(recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer) -> None:
    texts_ = [f"text {number}" for number in range(300)]
    client.embeddings.create(model="emb", input=texts_, dimensions=32)
    call = only(recorder)
    assert (call.input, call.input_tokens) == (texts_, 600)
    assert call.attributes["gen_ai.embeddings.dimension.count"] == 32
    assert call.output is None


@pytest.mark.parametrize("stream", [False, True])
def test_sound_in_and_out(recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer, stream: bool) -> None:
    sound = b"RIFF\0\0\0\0WAVEfmt " + bytes(range(256)) * 12
    server.respond = lambda request: {"content": None, "audio": sound, "transcript": "hello"}
    spoken: Any = [
        {
            "role": "user",
            "content": [{"type": "input_audio", "input_audio": {"data": b64(sound), "format": "wav"}}],
        }
    ]
    done: Any = client.chat.completions.create(
        model="demo", messages=spoken, modalities=["text", "audio"], stream=stream
    )
    if stream:
        list(done)
    call = only(recorder)
    for messages_ in (call.input, call.output):
        (found,) = find_media(messages_)
        assert (found.media_type, found.digest, found.modality) == ("audio/wav", digests.of_bytes(sound), "audio")
    assert call.output[0]["parts"][1] == {"type": "text", "content": "hello"}
    (kept,) = recorder.of(Media)
    assert isinstance(kept, Media)
    assert kept.data == sound
    assert b64(sound)[:50] not in json.dumps(call.attributes)


def test_images_made_and_changed(recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer) -> None:
    server.respond = lambda request: {"images": [PNG, PNG + b"2"]}
    client.images.generate(model="img", prompt="a cat", n=2)
    client.images.edit(model="img", prompt="a dog", image=("cat.png", PNG, "image/png"))
    made, changed = recorder.spans
    assert (made.name, made.kind, made.input_tokens, made.output_tokens) == ("generate_content img", "llm", 5, 7)
    assert made.attributes["gen_ai.output.type"] == "image"
    assert [one.digest for one in find_media(made.output)] == [digests.of_bytes(PNG), digests.of_bytes(PNG + b"2")]
    assert [one.name for one in find_media(changed.input)] == ["cat.png"]


def test_speech_and_transcriptions(
    recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer, tmp_path: Any
) -> None:
    sound = b"RIFF\0\0\0\0WAVEfmt " + bytes(3000)
    (tmp_path / "a.wav").write_bytes(sound)
    server.respond = lambda request: {"audio": sound, "content": "hello"}
    assert client.audio.speech.create(model="tts", voice="alloy", input="hello").content == sound
    with client.audio.speech.with_streaming_response.create(model="tts", voice="alloy", input="hello") as body:
        body.stream_to_file(tmp_path / "out.wav")
    with open(tmp_path / "a.wav", "rb") as file:
        client.audio.transcriptions.create(model="stt", file=file)
    assert server.requests[2]["file"] == sound
    client.audio.transcriptions.create(model="stt", file=tmp_path / "a.wav")
    spoken, streamed, heard, again = recorder.spans
    for messages_ in (spoken.output, streamed.output, heard.input, again.input):
        assert [one.digest for one in find_media(messages_)] == [digests.of_bytes(sound)]
    assert texts(heard.output) == texts(again.output) == ["hello"]
    assert find_media(heard.input)[0].name == "a.wav"
    assert (heard.input_tokens, spoken.attributes["gen_ai.output.type"]) == (9, "speech")


def test_moderations(recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer) -> None:
    server.respond = lambda request: {"flagged": True}
    client.moderations.create(model="mod", input="harm")
    call = only(recorder)
    assert (call.kind, call.input, call.output[0]["flagged"]) == ("guardrail", "harm", True)
