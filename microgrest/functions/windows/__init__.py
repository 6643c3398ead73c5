"""Windows of images: convolutions, pooling, columns, other sizes, channels as pixels."""
