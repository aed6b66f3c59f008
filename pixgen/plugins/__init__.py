"""The plugins that ship with pixgen, one folder a kind; the base classes are in `pixgen.contracts`."""
