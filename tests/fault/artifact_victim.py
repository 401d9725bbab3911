"""Logs a large folder and is killed on the way: ``artifact_victim.py FOLDER MODE``."""

from __future__ import annotations

import sys

import weft

if __name__ == "__main__":
    run = weft.init(
        "killed", mode=sys.argv[2], settings={"quiet": True, "console": False, "git": False, "drain": "off"}
    )
    print("begin", flush=True)
    run.log_artifact(sys.argv[1], name="net", type="model")
    print("logged", flush=True)
    sys.stdin.read()
