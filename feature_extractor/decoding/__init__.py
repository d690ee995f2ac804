"""From a picture's bytes to pixels, a preview and extra views."""
