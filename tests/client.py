"""The public client library on the engine in this process: no server, no sockets.

``with offline() as ee: ee.Number(1).add(2).getInfo()`` builds the graph with the unmodified client, from
this server's own listing, and evaluates it with ``tests.calls.engine()``; the JSON goes through text as on
the wire. Errors arrive as the client raises them (``ee.EEException`` with the server's message).
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from ecumene.core.errors import EcumeneError
from tests.calls import engine, json_graph


@functools.cache
def _listing() -> Any:
    from ee import _cloud_api_utils

    listing = {"algorithms": [entry.listing() for entry in engine().registry]}
    return _cloud_api_utils.convert_algorithms(json.loads(json.dumps(listing)))


@contextlib.contextmanager
def offline(evaluate: Callable[[Any], Any] = json_graph) -> Iterator[Any]:
    """The client, initialised; left as if it had never been. ``evaluate`` answers expressions."""
    import ee
    from ee import serializer

    def compute(value: Any) -> Any:
        document = json.loads(json.dumps(serializer.encode(value, for_cloud_api=True)))
        try:
            return json.loads(json.dumps(evaluate(document), allow_nan=False))
        except EcumeneError as error:
            raise ee.EEException(error.message) from None

    ee.Reset()
    with (
        mock.patch.object(ee.data, "_install_cloud_api_resource", lambda: None),
        mock.patch.object(ee.data, "getAlgorithms", _listing),
        mock.patch.object(ee.data, "computeValue", compute),
        mock.patch.object(ee.deprecation, "_FetchDataCatalogStac", dict),
    ):
        ee.Initialize(None, "", project="tests")
        try:
            yield ee
        finally:
            ee.Reset()
