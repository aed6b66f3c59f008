"""Settings of older programs, read and turned into pixgen's: Pixray (with its ancestor clipit) and VQGAN-CLIP."""
