"""The way of a picture: admission, decoding, batches, the trunk, the writer; two lanes."""
