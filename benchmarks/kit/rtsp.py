"""A clip behind GStreamer's RTSP server, which runs under the system's Python."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import av

from kit.report import ROOT

_CODE = ROOT / "benchmarks" / "kit" / "rtsp_file.py"
_REPEATS = 40


@contextmanager
def rtsp_served(clip: Path, *, times: int = _REPEATS) -> Iterator[str]:
    """The address at which the clip is sent, so many times in a row."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with TemporaryDirectory() as folder:
        long = Path(folder) / "long.mp4"
        _repeat(clip, long, times=times)
        command = ["/usr/bin/python3", str(_CODE), str(port), str(long)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            if server.stdout is None or server.stdout.readline() != "ready\n":
                raise SystemExit(
                    "GStreamer's RTSP server does not start; see .ci/run for its packages"
                )
            try:
                yield f"rtsp://127.0.0.1:{port}/cam"
            finally:
                server.kill()


def _repeat(clip: Path, path: Path, *, times: int) -> None:
    """The clip again and again, its packets as they are."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as out:
        stream = source.streams.video[0]
        target = out.add_stream_from_template(stream)
        length = round(stream.frames / stream.average_rate / stream.time_base)
        for number in range(times):
            source.seek(0)
            for packet in source.demux(stream):
                if packet.dts is not None and packet.pts is not None:
                    packet.dts += number * length
                    packet.pts += number * length
                    packet.stream = target
                    out.mux(packet)
