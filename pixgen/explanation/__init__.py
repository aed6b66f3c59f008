"""How a picture came: drawn again while somebody takes notes, and shown as one page."""
