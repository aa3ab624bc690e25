"""Training of the bundled tiny model. The product never imports this package."""
