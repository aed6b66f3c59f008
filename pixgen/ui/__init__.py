"""The page of `pixgen ui`: pictures drawn in the browser, on this machine alone."""
