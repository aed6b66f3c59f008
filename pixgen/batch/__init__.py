"""Lists of pictures: read, drawn, recorded, resumed, laid out and measured."""
