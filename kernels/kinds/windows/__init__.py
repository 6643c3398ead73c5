"""Windows over images: laid out, convolved, searched, averaged."""
