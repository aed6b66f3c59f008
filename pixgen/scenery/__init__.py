"""What can be drawn, said and composed; shared by starts and trainings."""
