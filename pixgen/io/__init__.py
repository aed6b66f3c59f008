"""Files in and out: pictures, metadata, video, YAML, names, atomic writes. Knows no model."""
