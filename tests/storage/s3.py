"""An object store that speaks S3, in memory: ``python s3.py``. A process of its own (see ``ranges``); prints its port."""

from __future__ import annotations

import time

from moto.server import ThreadedMotoServer

if __name__ == "__main__":
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    while True:
        time.sleep(3600)
