"""Serves the files of a folder over HTTP, whole or by ranges, as object stores do: ``python ranges.py FOLDER``.

Where the folder has a file ``.token``, addresses must end in its text, as signed ones do; ``/tokens/…`` is answered with the
file ``.answer``, if there is one, and written down in ``.asked``.

A process of its own: GDAL may hold Python's lock while it waits for an answer. Prints its port.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Ranges(BaseHTTPRequestHandler):
    folder = Path()

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        plain, _, query = self.path.partition("?")
        path, token = self.folder / Path(plain).name, self.folder / ".token"
        if plain.startswith("/tokens/"):
            path = self.folder / ".answer"
            with (self.folder / ".asked").open("a") as file:
                file.write(f"{plain} {self.headers.get('Ocp-Apim-Subscription-Key')}\n")
        elif token.exists() and query != token.read_text():
            self.send_error(403)
            return
        if not path.is_file():
            self.send_error(404)
            return
        data, asked = path.read_bytes(), self.headers.get("Range")
        if asked:
            first, last = asked.removeprefix("bytes=").split("-")
            start, end = int(first), min(int(last or len(data) - 1), len(data) - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(data)}")
            data = data[start : end + 1]
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    Ranges.folder = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ranges)
    print(server.server_port, flush=True)
    server.serve_forever()
