"""The embedded demonstration archive: synthetic scenes made offline, and the main job run on them."""
