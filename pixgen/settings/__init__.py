"""From layers of settings (defaults, profiles, presets, files, flags) to one checked config."""
