"""Graft: image classifiers by transfer learning; what every stage and every client shares."""
