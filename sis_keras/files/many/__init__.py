"""Many pictures in one file: animations, and the pages of TIFF."""
