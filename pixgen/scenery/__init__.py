"""What can be drawn and said: subjects, words, places, styles; the bank, and composing its drawings into a picture."""
