"""Statistics and samples of images over regions."""
