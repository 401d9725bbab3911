"""The log of a run that wandb writes (``run-ID.wandb``): messages of what the importer reads of it.

Source: wandb_internal.proto of wandb's SDK; fields that are not named here are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from weft.formats.logs import wandb_records
from weft.formats.messages import build, parse

TABLE = """
    Record: int64 num=1, HistoryRecord history=2, SummaryRecord summary=3, OutputRecord output=4, ConfigRecord config=5, FilesRecord files=6, StatsRecord stats=7, ArtifactRecord artifact=8, AlertRecord alert=10, MetricRecord metric=12, OutputRawRecord output_raw=13, RunRecord run=17, RunExitRecord exit=18, UseArtifactRecord use_artifact=25, EnvironmentRecord environment=26
    RunRecord: string run_id=1, string entity=2, string project=3, ConfigRecord config=4, SummaryRecord summary=5, string run_group=6, string job_type=7, string display_name=8, string notes=9, *string tags=10, string sweep_id=12, string host=13, Timestamp start_time=17, GitRepoRecord git=21
    Timestamp: int64 seconds=1, int32 nanos=2
    GitRepoRecord: string remote_url=1, string commit=2
    ConfigRecord: *ConfigItem update=1, *ConfigItem remove=2
    ConfigItem: string key=1, *string nested_key=2, string value_json=16
    SummaryRecord: *SummaryItem update=1, *SummaryItem remove=2
    SummaryItem: string key=1, *string nested_key=2, string value_json=16
    HistoryRecord: *HistoryItem item=1, HistoryStep step=2
    HistoryStep: int64 num=1
    HistoryItem: string key=1, *string nested_key=2, bool boolean=4, sint64 integer=5, double number=6, string text=7, string json=8, string value_json=16
    OutputRecord: int32 output_type=1, Timestamp timestamp=2, string line=3
    OutputRawRecord: int32 output_type=1, Timestamp timestamp=2, string line=3
    FilesRecord: *FilesItem files=1
    FilesItem: string path=1
    StatsRecord: Timestamp timestamp=2, *StatsItem item=3
    StatsItem: string key=1, string value_json=16
    ArtifactRecord: string run_id=1, string type=4, string name=5, string digest=6, string description=7, string metadata=8, *string aliases=11, ArtifactManifest manifest=12, *string tags=19
    ArtifactManifest: *ArtifactManifestEntry contents=4, string manifest_file_path=5
    ArtifactManifestEntry: string path=1, string digest=2, string ref=3, int64 size=4, string local_path=6
    MetricRecord: string name=1, string glob_name=2, string step_metric=4, MetricOptions options=6, MetricSummary summary=7, int32 goal=8
    MetricOptions: bool step_sync=1, bool hidden=2
    MetricSummary: bool min=1, bool max=2, bool mean=3, bool best=4, bool last=5, bool none=6, bool first=8
    RunExitRecord: int32 exit_code=1, int32 runtime=2
    AlertRecord: string title=1, string text=2, string level=3
    UseArtifactRecord: string id=1, string type=2, string name=3
    EnvironmentRecord: string os=1, string python=2, string docker=4, *string args=5, string program=6, GitRepoRecord git=9, string host=12, string executable=14, uint32 cpu_count_logical=17, string gpu_type=18, uint32 gpu_count=19, string cuda_version=25
"""  # noqa: E501 - a message a line
_MESSAGES = build("weft.wandb", TABLE)
_HISTORY = ("value_json", "json")
_PLAIN = ("number", "integer", "text", "boolean")


def read_records(path: Path) -> Iterator[Any]:
    """The records of a ``.wandb`` file in order, as far as they are whole. Raises InputError where it is no such file
    or damaged."""
    with path.open("rb") as file:
        for number, data in enumerate(wandb_records(file, str(path))):
            yield parse(_MESSAGES["Record"], data, f"{path}, record {number}")


def items_of(items: Any) -> Iterator[tuple[list[str], Any]]:
    """Key path and value of the items of a config, summary or history; what is no JSON is passed over."""
    for item in items:
        keys = list(getattr(item, "nested_key", ())) or [item.key]  # samples of the system have none
        fields = {field.name: value for field, value in item.ListFields()}
        text = next((fields[name] for name in _HISTORY if name in fields), None)
        if text is None:
            yield keys, next((fields[name] for name in _PLAIN if name in fields), None)
            continue
        try:
            yield keys, orjson.loads(text)
        except orjson.JSONDecodeError:  # wandb writes NaN and Infinity as Python does
            if text in ("NaN", "Infinity", "-Infinity"):
                yield keys, float(text)


def nanoseconds(stamp: Any) -> int:
    """A protobuf Timestamp as nanoseconds since 1970; 0 where there is none."""
    return int(stamp.seconds) * 1_000_000_000 + int(stamp.nanos)
