"""The feature extractor: pictures in, bottleneck vectors of a frozen Inception-V3 out, cached in LMDB."""
