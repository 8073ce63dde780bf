"""``video:export``: a collection as an MP4 (or animated GIF) file."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from ecumene.core.errors import RequestError
from ecumene.engine.frames import film
from ecumene.raster import encode, mp4
from ecumene.tasks.context import TaskContext
from ecumene.tasks.exports import files, requests
from ecumene.tasks.scratch import flushed

FORMATS = {"MP4": "MP4", "GIF": "GIF"}
"""``GIF`` is ours."""

MOST_FRAMES, FRAME_PIXELS = 1000, 10**8
QUALITY = 95
LOOK = 0.2
"""Seconds between looks whether the encoder is still wanted."""

GIF_BYTES = 2**28
"""Of all frames of a GIF, which is made in memory."""


def accepted(body: Mapping[str, Any]) -> requests.Payload:
    """The payload of an ``ExportVideoRequest``."""
    options = requests.member(body, "videoOptions")
    rate = requests.number(options, "framesPerSecond", 1.0) or 1.0
    if not 0.1 <= rate <= 100:
        raise RequestError(f"framesPerSecond must be between 0.1 and 100, got {rate:g}.")
    video = {
        "rate": rate, "most": requests.integer(options, "maxFrames", MOST_FRAMES, 0) or MOST_FRAMES,
        "pixels": requests.integer(options, "maxPixelsPerFrame", FRAME_PIXELS, 0) or FRAME_PIXELS,
    }  # fmt: skip
    return requests.common(body) | video | requests.file_options(body, FORMATS, "MP4")


def run(task: TaskContext) -> files.Made:
    """Makes the frames, each of them once, and the file."""
    given, engine, context = task.payload, task.around.engine, task.evaluation()
    found = engine.as_collection(engine.evaluate(given["expression"], context), context)
    made = film(found, {}, engine, context, given["most"], given["pixels"])
    for number in range(len(made.images)):
        if f"frame/{number}" not in task.scratch.steps:
            task.cancel.check()
            frame = made.frame(number, context)
            with _frame(task, number).open("wb") as out:
                out.write(encode.jpeg(frame, QUALITY))
                flushed(out)
            task.scratch.done(f"frame/{number}")
        task.progress(0.9 * (number + 1) / len(made.images))
    size = made.window.width, made.window.height
    count = len(made.images)
    if given["format"] == "GIF":
        return _gif(task, count, size)
    return _mp4(task, count, size)


def _frame(task: TaskContext, number: int) -> Path:
    return task.scratch.path / f"frame-{number:05d}.jpg"


def _mp4(task: TaskContext, count: int, size: tuple[int, int]) -> files.Made:
    path, rate = task.scratch.path / "video.mp4", task.payload["rate"]
    if not _encoded(task, path, rate):
        jpegs = (_frame(task, number).read_bytes() for number in range(count))
        mp4.write(path, jpegs, size, rate)
    return files.manifest({path.name: ".mp4"})


def _gif(task: TaskContext, count: int, size: tuple[int, int]) -> files.Made:
    if 3 * count * size[0] * size[1] > GIF_BYTES:
        raise RequestError(f"{count} frames of {size[0]}x{size[1]} pixels are too much for a GIF.")

    def frames() -> Iterator[Any]:
        for number in range(count):
            with PillowImage.open(_frame(task, number)) as picture:
                yield np.asarray(picture.convert("RGB"))

    path = task.scratch.path / "video.gif"
    path.write_bytes(encode.gif(list(frames()), task.payload["rate"]))
    return files.manifest({path.name: ".gif"})


def _encoded(task: TaskContext, path: Path, rate: float) -> bool:
    """H.264 by the operator's ``ffmpeg``; False where there is none, or it cannot."""
    program = shutil.which("ffmpeg")
    if program is None:
        return False
    command = [
        program, "-loglevel", "error", "-y", "-framerate", str(rate), "-i", str(task.scratch.path / "frame-%05d.jpg"),
        "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-threads", "1",
        "-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart", str(path),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        while True:
            task.cancel.check()
            with suppress(subprocess.TimeoutExpired):
                return process.wait(LOOK) == 0
    finally:
        process.kill()
        process.wait()
