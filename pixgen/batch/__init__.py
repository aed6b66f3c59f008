"""Lists of pictures: planned, tuned, scheduled, drawn, resumed, laid out and compared."""
