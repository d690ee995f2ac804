"""Which of Pillow's decoders see a stranger's bytes, and what is set for them in the whole process."""

from __future__ import annotations

import warnings

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,  # noqa: F401  # importing registers the format; Image.open finds only what is registered
    GifImagePlugin,  # noqa: F401  # as above
    Image,
    JpegImagePlugin,  # noqa: F401  # as above
    PngImagePlugin,  # noqa: F401  # as above
    PpmImagePlugin,  # noqa: F401  # as above
    TiffImagePlugin,  # noqa: F401  # as above
    WebPImagePlugin,  # noqa: F401  # as above
    features,
)

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", *(("AVIF",) if features.check("avif") else ()))
"""The decoders in use (PPM covers PBM, PGM and PFM). AVIF is optional where Pillow is built from source."""

# The limits are DecodeLimits', checked for each picture; Pillow's process-wide one would refuse or warn first.
Image.MAX_IMAGE_PIXELS = None
# Pictures are decoded side by side in a pool as wide as the machine: a second pool inside each would only queue up.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# Pillow warns about a stranger's odd tags, in their own words; they belong in no log of ours.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
