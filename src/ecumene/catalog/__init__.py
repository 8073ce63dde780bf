"""What exists: assets, datasets, STAC, search.

``store.Catalog(data, node=…)`` is the whole of it for other rooms: ``load_image``,
``load_collection`` and ``load_table`` for algorithms (``node`` makes the plan node that reads a
stored band), ``get_asset``, ``list_assets``, ``list_images`` and ``list_features`` for the REST
resources, ``gate`` for a ``storage.blocks.BlockStore``. ``ingest`` and ``stacapi`` register data.
"""
