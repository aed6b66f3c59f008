"""What a finished picture is worth: numbers that no loop optimises."""
