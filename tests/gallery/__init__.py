"""The gallery: pictures of algorithms, each rendered by the engine from the code that stands beside it.

``python -m tests.gallery`` (``make gallery``) renders all of them through the unmodified client and writes
``docs/gallery.md``; a test renders them again and compares.
"""
