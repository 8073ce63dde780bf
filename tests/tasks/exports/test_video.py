"""Frames as an MP4 file: by the operator's encoder where there is one that can, else as they are."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ecumene.core.context import CancelToken
from ecumene.core.errors import Cancelled
from ecumene.raster import encode
from ecumene.tasks.exports import video
from tests.boxes import frames_of
from tests.tasks.kinds import until

SIZE, RATE = (16, 8), 4
FRAMES = [encode.jpeg(np.full((8, 16, 3), grey, "uint8"), 95) for grey in (10, 120, 240)]


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A task whose frames are made, on a machine without ffmpeg."""
    scratch, programs = tmp_path / "scratch", tmp_path / "bin"
    scratch.mkdir()
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    made: Any = SimpleNamespace(
        scratch=SimpleNamespace(path=scratch), payload={"rate": RATE}, cancel=CancelToken()
    )
    for number, frame in enumerate(FRAMES):
        video._frame(made, number).write_bytes(frame)
    return made


def encoder(task: Any, script: str) -> None:
    """An ffmpeg that does this; its last argument is the file to be made."""
    program = task.scratch.path.parent / "bin" / "ffmpeg"
    program.write_text(f"#!/bin/sh\nfor out; do :; done\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize("failing", [None, "exit 1", 'echo half > "$out"; exit 1'], ids=str)
def test_without_an_encoder_frames_are_kept_as_they_are(task: Any, failing: str | None) -> None:
    if failing:
        encoder(task, failing)
    assert video._mp4(task, 3, SIZE) == {"files": [["video.mp4", ".mp4"]]}
    made = (task.scratch.path / "video.mp4").read_bytes()
    assert frames_of(made) == (3 / RATE, FRAMES)


def test_an_encoder_gets_the_frames_and_their_rate(task: Any) -> None:
    encoder(task, 'echo "$@" > "$out"')
    assert video._mp4(task, 3, SIZE) == {"files": [["video.mp4", ".mp4"]]}
    told = (task.scratch.path / "video.mp4").read_text()
    assert f"-framerate {RATE} -i {task.scratch.path}/frame-%05d.jpg " in told


def test_an_encoder_ends_with_its_task(task: Any) -> None:
    number = task.scratch.path / "pid"
    encoder(task, f"echo $$ > {number}\nwhile :; do :; done")

    def cancel() -> None:
        until(lambda: number.exists() and number.read_text())
        task.cancel.cancel()

    thread = threading.Thread(target=cancel, daemon=True)
    thread.start()
    with pytest.raises(Cancelled):
        video._mp4(task, 3, SIZE)
    with pytest.raises(ProcessLookupError):
        os.kill(int(number.read_text()), 0)
