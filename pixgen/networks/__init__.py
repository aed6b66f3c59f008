"""pixgen's own networks: VQGAN, CLIP, token decoder, prior, discriminator, and the pair that joins them."""
