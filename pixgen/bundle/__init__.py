"""A folder from which pixgen is installed without the internet."""
